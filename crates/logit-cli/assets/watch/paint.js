// Drawing, at most once for each frame of the screen.

let draw = () => {}, painting = false;

/** Says how the page is drawn. */
export function paintWith(how) {
  draw = how;
}

export function paint() {
  if (painting) return;
  painting = true;
  requestAnimationFrame(() => {
    painting = false;
    draw();
  });
}
