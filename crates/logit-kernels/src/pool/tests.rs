use proptest::prelude::*;
use rayon::ThreadPoolBuilder;

use super::*;

fn numbers(len: usize, seed: usize) -> Vec<f32> {
    (0..len).map(|place| ((place * 7919 + seed * 104_729 + 13) % 1_009) as f32 / 504.0 - 1.0).collect()
}

fn pools() -> impl Strategy<Value = Pool2d> {
    let pair = |range: Range<usize>| [range.clone(), range];
    let windows = (pair(1..5), pair(1..4), pair(0..3), pair(1..3), any::<bool>());
    let general = (0..4_usize, pair(1..14), windows).prop_map(
        |(planes, input, (kernel, stride, padding, dilation, ceil_mode))| {
            let padding = [padding[0].min(kernel[0] / 2), padding[1].min(kernel[1] / 2)];
            Pool2d { planes, input, kernel, stride, padding, dilation, ceil_mode }
        },
    );
    let squares = (0..4_usize, pair(1..70), any::<bool>()).prop_map(|(planes, input, ceil_mode)| Pool2d {
        ceil_mode,
        ..Pool2d::side_by_side(planes, input, [2, 2])
    });
    prop_oneof![general, squares]
}

/// The windows of a plane: for each, the places of its taps in the plane with their number in the window.
fn windows(pool: &Pool2d) -> Vec<Vec<(usize, usize)>> {
    let [rows, columns] = pool.output();
    let inside = |axis: usize, window: usize, tap: usize| {
        (window * pool.stride[axis] + tap * pool.dilation[axis])
            .checked_sub(pool.padding[axis])
            .filter(|place| *place < pool.input[axis])
    };
    let taps = |window: usize| {
        let of_tap = move |tap: usize| {
            let row = inside(0, window / columns, tap / pool.kernel[1])?;
            let column = inside(1, window % columns, tap % pool.kernel[1])?;
            Some((row * pool.input[1] + column, tap))
        };
        (0..pool.kernel[0] * pool.kernel[1]).filter_map(of_tap).collect()
    };
    (0..rows * columns).map(taps).collect()
}

fn check_max<P: WindowPlace + std::fmt::Debug>(pool: &Pool2d, relu: bool) {
    let sizes = [pool.input.iter().product::<usize>(), pool.output().iter().product()];
    let padded = numbers(pool.planes * sizes[0] + 1, 1);
    let x = &padded[1..];
    let by_y = numbers(pool.planes * sizes[1], 2);
    let (mut y, mut places) = (vec![f32::NAN; by_y.len()], vec![P::NONE; by_y.len()]);
    max_forward(pool, x, relu, &mut y, &mut places);
    let mut unrecorded = vec![f32::NAN; y.len()];
    max_forward(pool, x, relu, &mut unrecorded, &mut vec![(); y.len()]);
    assert_eq!(unrecorded, y);
    let mut by_x = vec![f32::NAN; x.len()];
    max_backward(pool, &by_y, &places, &mut by_x);
    let mut expected = vec![0.0_f64; x.len()];
    for plane in 0..pool.planes {
        for (window, taps) in windows(pool).iter().enumerate() {
            let output = plane * sizes[1] + window;
            let at = |place: usize| plane * sizes[0] + place;
            let first_of_greatest = |best: Option<(usize, usize)>, tap: &(usize, usize)| match best {
                Some(best) if x[at(tap.0)] <= x[at(best.0)] => Some(best),
                _ => Some(*tap),
            };
            let greatest = taps.iter().fold(None, first_of_greatest);
            let value = greatest.map_or(f32::NEG_INFINITY, |(place, _)| x[at(place)]);
            assert_eq!(y[output], if relu { value.max(0.0) } else { value });
            let greatest = greatest.filter(|_| !relu || value > 0.0);
            assert_eq!(places[output].get(), greatest.map(|(_, tap)| tap));
            if let Some((place, _)) = greatest {
                expected[at(place)] += f64::from(by_y[output]);
            }
        }
    }
    assert_near(&by_x, &expected);
}

fn check_average(pool: &Pool2d, count_include_pad: bool) {
    let sizes = [pool.input.iter().product::<usize>(), pool.output().iter().product()];
    let padded = numbers(pool.planes * sizes[0] + 1, 1);
    let x = &padded[1..];
    let by_y = numbers(pool.planes * sizes[1], 2);
    let mut y = vec![f32::NAN; by_y.len()];
    average_forward(pool, count_include_pad, x, &mut y);
    let mut by_x = vec![f32::NAN; x.len()];
    average_backward(pool, count_include_pad, &by_y, &mut by_x);
    let (mut averages, mut gradient) = (vec![0.0_f64; y.len()], vec![0.0_f64; x.len()]);
    // Whether a tap of a window lies in the padded plane.
    let padded = |axis: usize, window: usize| {
        let taps = 0..pool.kernel[axis];
        taps.filter(|tap| window * pool.stride[axis] + tap < pool.input[axis] + 2 * pool.padding[axis])
            .count()
    };
    for plane in 0..pool.planes {
        for (window, taps) in windows(pool).iter().enumerate() {
            let columns = pool.output()[1];
            let all = padded(0, window / columns) * padded(1, window % columns);
            let count = if count_include_pad { all } else { taps.len() }.max(1) as f64;
            for (place, _) in taps {
                averages[plane * sizes[1] + window] += f64::from(x[plane * sizes[0] + place]) / count;
                gradient[plane * sizes[0] + place] += f64::from(by_y[plane * sizes[1] + window]) / count;
            }
        }
    }
    assert_near(&y, &averages);
    assert_near(&by_x, &gradient);
}

fn assert_near(values: &[f32], expected: &[f64]) {
    for (place, (value, expected)) in values.iter().zip(expected).enumerate() {
        assert!((f64::from(*value) - expected).abs() < 2e-6, "{place}: {value} {expected}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn the_maximum_is_the_first_of_the_greatest(pool in pools(), relu: bool) {
        check_max::<u8>(&pool, relu);
        check_max::<u16>(&pool, relu);
    }

    #[test]
    fn the_average_is_that_of_the_taps_that_count(pool in pools(), count_include_pad: bool) {
        check_average(&Pool2d { dilation: [1, 1], ..pool }, count_include_pad);
    }
}

#[test]
fn sizes_are_those_of_pytorch() {
    let pool =
        Pool2d { kernel: [3, 2], stride: [2, 2], padding: [1, 0], ..Pool2d::side_by_side(1, [7, 7], [2, 2]) };
    assert_eq!(pool.output(), [4, 3]);
    assert_eq!(Pool2d { ceil_mode: true, ..pool }.output(), [4, 4]);
    // A last window that would start in the padding does not count.
    let inside =
        Pool2d { kernel: [2, 2], padding: [1, 1], stride: [3, 3], input: [5, 4], ceil_mode: true, ..pool };
    assert_eq!(inside.output(), [2, 2]);
    assert_eq!(Pool2d { input: [1, 1], kernel: [3, 3], padding: [0, 0], ..pool }.output(), [0, 0]);
}

#[test]
fn equal_numbers_and_minus_infinity_have_the_first_place() {
    for pool in [Pool2d::side_by_side(1, [4, 4], [2, 2]), Pool2d::side_by_side(1, [4, 4], [4, 4])] {
        for number in [f32::NEG_INFINITY, -f32::MAX, 3.0, f32::INFINITY] {
            let mut y = vec![0.0; pool.output().iter().product()];
            let mut places = vec![u8::NONE; y.len()];
            max_forward(&pool, &[number; 16], false, &mut y, &mut places);
            assert!(y.iter().all(|greatest| *greatest == number));
            assert!(places.iter().all(|place| *place == 0));
        }
    }
}

#[test]
fn nan_is_the_maximum_of_its_window_only() {
    for width in [4, 40] {
        let pool = Pool2d::side_by_side(1, [4, width], [2, 2]);
        let general = Pool2d { padding: [0, 0], dilation: [1, 1], kernel: [2, 2], ..pool };
        let mut x = numbers(4 * width, 3);
        x[width + 1] = f32::NAN;
        for relu in [false, true] {
            let mut y = vec![0.0; width];
            let mut places = vec![u8::NONE; width];
            max_forward(&general, &x, relu, &mut y, &mut places);
            assert!(y.iter().enumerate().all(|(window, greatest)| greatest.is_nan() == (window == 0)));
            assert_eq!(places[0], 3);
        }
    }
}

#[test]
fn the_same_for_every_number_of_threads() {
    let pool = Pool2d { kernel: [3, 3], padding: [1, 1], ..Pool2d::side_by_side(9, [60, 61], [2, 2]) };
    let run = || {
        let x = numbers(pool.planes * 60 * 61, 4);
        let mut y = vec![0.0; pool.planes * pool.output().iter().product::<usize>()];
        let mut places = vec![u8::NONE; y.len()];
        max_forward(&pool, &x, true, &mut y, &mut places);
        let mut by_x = vec![0.0; x.len()];
        max_backward(&pool, &y, &places, &mut by_x);
        average_backward(&pool, true, &y, &mut by_x.clone());
        (y, places, by_x)
    };
    let with = |threads| ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(run);
    assert_eq!(with(1), with(2));
    assert_eq!(with(1), with(3));
}
