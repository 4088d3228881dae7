//! What moves numbers and computes none.

use crate::array::Array;
use crate::number::Number;

/// Sizes before an axis, and after it.
fn around(shape: &[usize], axis: usize) -> [usize; 2] {
    [shape[..axis].iter().product(), shape[axis + 1..].iter().product()]
}

/// The shape of arrays one after the other along an axis.
pub(super) fn joined<T: Number>(arrays: &[&Array<T>], axis: usize) -> Result<Vec<usize>, String> {
    let mut shape = arrays[0].shape.clone();
    let others = |shape: &[usize]| {
        shape.iter().enumerate().filter(|(at, _)| *at != axis).map(|(_, size)| *size).collect::<Vec<_>>()
    };
    if axis >= shape.len() || arrays.iter().any(|array| others(&array.shape) != others(&shape)) {
        let shapes: Vec<&[usize]> = arrays.iter().map(|array| &array.shape[..]).collect();
        return Err(format!("{shapes:?} cannot be joined along axis {axis}"));
    }
    shape[axis] = arrays.iter().map(|array| array.shape[axis]).sum();
    Ok(shape)
}

/// Arrays one after the other along an axis.
pub(super) fn concat<T: Number>(arrays: &[&Array<T>], axis: usize) -> Result<Array<T>, String> {
    let shape = joined(arrays, axis)?;
    let mut numbers = Vec::with_capacity(shape.iter().product());
    for before in 0..around(&shape, axis)[0] {
        for array in arrays {
            let run = array.shape[axis..].iter().product::<usize>();
            numbers.extend_from_slice(&array.numbers[before * run..][..run]);
        }
    }
    Ok(Array::new(shape, numbers))
}

/// Pieces of the given sizes along an axis.
pub(super) fn pieces<T: Number>(array: &Array<T>, axis: usize, sizes: &[usize]) -> Vec<Array<T>> {
    let [before, after] = around(&array.shape, axis);
    let run = array.shape[axis] * after;
    let mut start = 0;
    let piece = |size: &usize| {
        let mut shape = array.shape.clone();
        shape[axis] = *size;
        let runs =
            (0..before).flat_map(|before| &array.numbers[before * run + start * after..][..size * after]);
        let numbers = runs.copied().collect();
        start += size;
        Array::new(shape, numbers)
    };
    sizes.iter().map(piece).collect()
}

/// Equal pieces along an axis.
pub(super) fn split<T: Number>(array: &Array<T>, axis: usize, count: usize) -> Result<Vec<Array<T>>, String> {
    match array.shape.get(axis) {
        Some(size) if count > 0 && size % count == 0 => Ok(pieces(array, axis, &vec![size / count; count])),
        _ => Err(format!("{:?} is not split in {count} along axis {axis}", array.shape)),
    }
}

/// Copies the rows of planes, from and to given places.
fn copied<T: Number>(
    from: &Array<T>,
    at: [usize; 2],
    to: &mut Array<T>,
    place: [usize; 2],
    size: [usize; 2],
) {
    let sides = |shape: &[usize]| [shape[2], shape[3]];
    let ([from_rows, from_columns], [to_rows, to_columns]) = (sides(&from.shape), sides(&to.shape));
    for plane in 0..from.shape[0] * from.shape[1] {
        for row in 0..size[0] {
            let source = (plane * from_rows + at[0] + row) * from_columns + at[1];
            let target = (plane * to_rows + place[0] + row) * to_columns + place[1];
            to.numbers[target..][..size[1]].copy_from_slice(&from.numbers[source..][..size[1]]);
        }
    }
}

fn map_of(shape: &[usize]) -> Result<[usize; 4], String> {
    shape.try_into().map_err(|_| format!("it takes [N, C, H, W], not {shape:?}"))
}

/// The shape of a map with something around it.
pub(super) fn padded(shape: &[usize], [top, left, bottom, right]: [usize; 4]) -> Result<Vec<usize>, String> {
    let [batch, channels, height, width] = map_of(shape)?;
    Ok(vec![batch, channels, top + height + bottom, left + width + right])
}

/// A constant around a map.
pub(super) fn pad<T: Number>(map: &Array<T>, padding: [usize; 4], value: T) -> Result<Array<T>, String> {
    let [_, _, height, width] = map_of(&map.shape)?;
    let [top, left, ..] = padding;
    let mut padded = Array::full(padded(&map.shape, padding)?, value);
    copied(map, [0, 0], &mut padded, [top, left], [height, width]);
    Ok(padded)
}

/// What lies within the padding.
pub(super) fn unpadded<T: Number>(
    padded: &Array<T>,
    padding: [usize; 4],
    shape: &[usize],
) -> Result<Array<T>, String> {
    let [_, _, height, width] = map_of(shape)?;
    let mut map = Array::zeros(shape);
    copied(padded, [padding[0], padding[1]], &mut map, [0, 0], [height, width]);
    Ok(map)
}

/// The shape of the upper left part of a map.
pub(super) fn cropped(shape: &[usize], size: [usize; 2]) -> Result<Vec<usize>, String> {
    let [batch, channels, height, width] = map_of(shape)?;
    if size[0] > height || size[1] > width || size.contains(&0) {
        return Err(format!("{size:?} is no part of {shape:?}"));
    }
    Ok(vec![batch, channels, size[0], size[1]])
}

/// The upper left part of a map.
pub(super) fn crop<T: Number>(map: &Array<T>, size: [usize; 2]) -> Result<Array<T>, String> {
    let mut part = Array::zeros(cropped(&map.shape, size)?);
    copied(map, [0, 0], &mut part, [0, 0], size);
    Ok(part)
}

/// A part of a map with zeros around it.
pub(super) fn uncropped<T: Number>(part: &Array<T>, shape: &[usize]) -> Result<Array<T>, String> {
    let [_, _, height, width] = map_of(&part.shape)?;
    let mut map = Array::zeros(shape);
    copied(part, [0, 0], &mut map, [0, 0], [height, width]);
    Ok(map)
}
