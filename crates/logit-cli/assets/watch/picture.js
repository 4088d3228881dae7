// Pictures as the server sends them: bytes in Base64, pixel by pixel.

/** The bytes of a text; none where it is no Base64. */
export function bytesOf(text) {
  try {
    return Uint8Array.from(atob(text), char => char.charCodeAt(0));
  } catch {
    return new Uint8Array();
  }
}

/** Red, green and blue of each pixel of a picture; null where it has fewer bytes than pixels. */
export function pixelsOf({ width, height, channels, pixels }) {
  const bytes = bytesOf(pixels);
  if (!(width > 0 && height > 0) || bytes.length < width * height * channels) return null;
  return pixel => [0, 1, 2].map(c => bytes[channels * pixel + (channels === 3 ? c : 0)]);
}

/** Draws a picture whose pixels have these colours. */
export function drawPixels(canvas, { width, height }, colour) {
  canvas.width = width;
  canvas.height = height;
  const image = new ImageData(width, height);
  for (let pixel = 0; pixel < width * height; pixel++) image.data.set([...colour(pixel), 255], 4 * pixel);
  canvas.getContext('2d').putImageData(image, 0, 0);
}
