use super::*;

fn random(len: usize, seed: u32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(12345);
    (0..len)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / 16_777_216.0 - 0.5
        })
        .collect()
}

/// Every (output place, input place, weight place) of a convolution, by its definition.
fn each(conv: &Conv2d, mut visit: impl FnMut(usize, usize, usize)) {
    let [out_height, out_width] = conv.output();
    let [height, width] = conv.input;
    for n in 0..conv.batch {
        for o in 0..conv.out_channels {
            let group = o / conv.group_outputs();
            for y in 0..out_height {
                for x in 0..out_width {
                    for i in 0..conv.group_inputs() {
                        for t in 0..conv.taps() {
                            let [ky, kx] = [t / conv.kernel[1], t % conv.kernel[1]];
                            let iy = (y * conv.stride[0] + ky * conv.dilation[0]).wrapping_sub(conv.padding[0]);
                            let ix = (x * conv.stride[1] + kx * conv.dilation[1]).wrapping_sub(conv.padding[1]);
                            if iy < height && ix < width {
                                let channel = group * conv.group_inputs() + i;
                                visit(
                                    ((n * conv.out_channels + o) * out_height + y) * out_width + x,
                                    ((n * conv.in_channels + channel) * height + iy) * width + ix,
                                    (o * conv.group_inputs() + i) * conv.taps() + t,
                                );
                            }
                        }
                    }
                }
            }
        }
    }
}

fn assert_close(what: &str, ours: &[f32], exact: &[f64]) {
    let largest = exact.iter().fold(1e-3_f64, |a, b| a.max(b.abs()));
    for (at, (a, b)) in ours.iter().zip(exact).enumerate() {
        assert!((f64::from(*a) - b).abs() <= 1e-5 * largest, "{what} at {at}: {a} and {b}");
    }
}

fn check(conv: &Conv2d) {
    let what = format!("{conv:?}");
    let inputs = conv.batch * conv.in_channels * conv.input[0] * conv.input[1];
    let [height, width] = conv.output();
    let outputs = conv.batch * conv.out_channels * height * width;
    let weights = conv.out_channels * conv.group_inputs() * conv.taps();
    let (x, w, b, g) = (random(inputs, 1), random(weights, 2), random(conv.out_channels, 3), random(outputs, 4));
    let plane = height * width;
    let mut exact: Vec<f64> =
        (0..outputs).map(|at| f64::from(b[at / plane % conv.out_channels])).collect();
    let (mut dx, mut dw, mut db) = (vec![0.0; inputs], vec![0.0; weights], vec![0.0; conv.out_channels]);
    each(conv, |o, i, t| {
        exact[o] += f64::from(x[i]) * f64::from(w[t]);
    });
    let mask: Vec<f32> = exact.iter().map(|v| v.max(0.0) as f32).collect();
    let gm: Vec<f64> = g.iter().zip(&mask).map(|(g, m)| if *m > 0.0 { f64::from(*g) } else { 0.0 }).collect();
    each(conv, |o, i, t| {
        dx[i] += gm[o] * f64::from(w[t]);
        dw[t] += gm[o] * f64::from(x[i]);
    });
    (0..outputs).for_each(|at| db[at / plane % conv.out_channels] += gm[at]);
    let first = conv.in_channels / 2;
    let size = conv.input[0] * conv.input[1];
    let part = |from: usize, to: usize, x: &[f32]| -> Vec<f32> {
        x.chunks(conv.in_channels * size).flat_map(|image| image[from * size..to * size].to_vec()).collect()
    };
    let (low, high) = (part(0, first, &x), part(first, conv.in_channels, &x));
    let parts = [Part { data: &low, channels: first }, Part { data: &high, channels: conv.in_channels - first }];
    let mut y = vec![f32::NAN; outputs];
    forward(conv, &parts, &w, Some(&b), false, &mut y);
    assert_close(&format!("forward of {what}"), &y, &exact);
    forward(conv, &parts, &w, Some(&b), true, &mut y);
    assert!(y.iter().zip(&exact).all(|(y, exact)| (f64::from(*y) - exact.max(0.0)).abs() < 1e-3));
    let (mut low_out, mut high_out) = (vec![f32::NAN; low.len()], vec![f32::NAN; high.len()]);
    let mut parts_out = [
        PartMut { data: &mut low_out, channels: first },
        PartMut { data: &mut high_out, channels: conv.in_channels - first },
    ];
    backward_data(conv, &g, Some(&mask), &w, &mut parts_out);
    let dx32: Vec<f32> = dx.iter().map(|v| *v as f32).collect();
    let as64 = |v: Vec<f32>| v.into_iter().map(f64::from).collect::<Vec<f64>>();
    assert_close(&format!("low dx of {what}"), &low_out, &as64(part(0, first, &dx32)));
    assert_close(&format!("high dx of {what}"), &high_out, &as64(part(first, conv.in_channels, &dx32)));
    let (mut w_out, mut b_out) = (vec![f32::NAN; weights], vec![f32::NAN; conv.out_channels]);
    backward_weight(conv, &parts, &g, Some(&mask), &mut w_out, Some(&mut b_out));
    assert_close(&format!("dw of {what}"), &w_out, &dw);
    assert_close(&format!("db of {what}"), &b_out, &db);
}

const PLAIN: Conv2d = Conv2d {
    batch: 2,
    in_channels: 3,
    out_channels: 8,
    input: [12, 12],
    kernel: [3, 3],
    stride: [1, 1],
    padding: [1, 1],
    dilation: [1, 1],
    groups: 1,
};

#[test]
fn plain() {
    check(&PLAIN);
    for width in [1, 3, 7, 8, 9, 15, 16, 17, 24, 31, 33] {
        check(&Conv2d { input: [5, width], ..PLAIN });
    }
    for out_channels in 1..20 {
        check(&Conv2d { out_channels, input: [4, 18], ..PLAIN });
    }
    check(&Conv2d { batch: 9, in_channels: 10, out_channels: 20, kernel: [5, 5], padding: [0, 0], ..PLAIN });
    check(&Conv2d { in_channels: 40, input: [64, 64], out_channels: 5, ..PLAIN });
}

#[test]
fn every_option() {
    check(&Conv2d { stride: [2, 3], input: [11, 17], ..PLAIN });
    check(&Conv2d { stride: [2, 2], kernel: [2, 2], padding: [0, 0], input: [9, 9], ..PLAIN });
    check(&Conv2d { stride: [3, 3], kernel: [1, 2], padding: [0, 0], input: [9, 9], ..PLAIN });
    check(&Conv2d { dilation: [2, 3], padding: [3, 1], ..PLAIN });
    check(&Conv2d { dilation: [2, 2], stride: [3, 2], padding: [4, 4], ..PLAIN });
    check(&Conv2d { in_channels: 6, out_channels: 9, groups: 3, ..PLAIN });
    check(&Conv2d { in_channels: 6, out_channels: 6, groups: 6, stride: [2, 1], ..PLAIN });
    check(&Conv2d { kernel: [1, 1], padding: [0, 0], in_channels: 16, ..PLAIN });
    check(&Conv2d { kernel: [1, 1], padding: [2, 2], ..PLAIN });
    check(&Conv2d { batch: 0, ..PLAIN });
}
