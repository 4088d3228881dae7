//! Vector functions: exponentials and logarithms of `f32` vectors of any width.
//!
//! Polynomials are fitted to the least greatest relative error on the reduced range; NaN in is NaN out.

use pulp::Simd;

/// The greatest argument whose exponential is finite.
const EXP_MOST: f32 = 88.722_83;

/// The least argument whose exponential is a normal number; below it, the exponential counts as 0.
const EXP_LEAST: f32 = -87.336_54;

/// `ln 2` in two summands: the first has so few digits that its products with small whole numbers are exact.
const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];

/// `(e^r - 1 - r) / r²` for `|r| <= ln 2 / 2`, from the constant up.
const EXP: [f32; 5] = [0.499_999_94, 0.166_665_2, 0.041_668_393, 0.008_368_781, 0.001_381_446_5];

/// `(ln(1 + f) - f + f²/2) / f³` for `√½ <= 1 + f <= √2`.
const LN: [f32; 9] = [
    0.333_333_13,
    -0.250_000_1,
    0.200_021_2,
    -0.166_679_96,
    0.142_195_5,
    -0.124_055_915,
    0.118_881_75,
    -0.116_756_41,
    0.067_466_01,
];

/// `(ln(1 + e) - e) / e²` for `0 <= e <= 1`.
const LN_1P: [f32; 10] = [
    -0.499_999_88,
    0.333_326_9,
    -0.249_885_78,
    0.198_979_29,
    -0.161_293_24,
    0.124_670_96,
    -0.083_073_7,
    0.041_981_05,
    -0.013_631_334,
    0.002_072_918_2,
];

/// `(tanh u / u - 1) / u²` in `u²`, for `|u| <= 0.63`.
const TANH: [f32; 6] =
    [-0.333_333_2, 0.133_327_51, -0.053_892_676, 0.021_421_302, -0.007_524_562, 0.001_576_995];

/// `c[0] + c[1] x + c[2] x² …`
#[inline(always)]
fn polynomial<S: Simd, const N: usize>(simd: S, x: S::f32s, coefficients: [f32; N]) -> S::f32s {
    let mut value = simd.splat_f32s(coefficients[N - 1]);
    for coefficient in coefficients[..N - 1].iter().rev() {
        value = simd.mul_add_e_f32s(value, x, simd.splat_f32s(*coefficient));
    }
    value
}

/// `e^x`: within 2 units in the last place where that is a normal number, 0 below, ∞ above.
#[inline(always)]
pub(crate) fn exp<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let splat = |number: f32| simd.splat_f32s(number);
    // Added to a small number, this leaves its nearest whole number in the lowest bits.
    let shift = splat(12_582_912.0);
    let shifted = simd.mul_add_e_f32s(x, splat(std::f32::consts::LOG2_E), shift);
    let whole = simd.sub_f32s(shifted, shift);
    let rest = simd.mul_add_e_f32s(whole, splat(-LN_2[0]), x);
    let rest = simd.mul_add_e_f32s(whole, splat(-LN_2[1]), rest);
    let square = simd.mul_f32s(rest, rest);
    let power = simd.mul_add_e_f32s(polynomial(simd, rest, EXP), square, rest);
    let power = simd.add_f32s(power, splat(1.0));
    // Adding the whole number to the exponent multiplies by its power of two.
    let bits = simd.wrapping_dyn_shl_u32s(simd.transmute_u32s_f32s(shifted), simd.splat_u32s(23));
    let scaled = simd.add_u32s(simd.transmute_u32s_f32s(power), bits);
    let scaled = simd.transmute_f32s_u32s(scaled);
    let normal = simd.greater_than_or_equal_f32s(x, splat(EXP_LEAST));
    let scaled = simd.select_f32s(normal, scaled, splat(0.0));
    let beyond = simd.add_f32s(x, splat(f32::INFINITY));
    let small = simd.less_than_or_equal_f32s(x, splat(EXP_MOST));
    simd.select_f32s(small, scaled, beyond)
}

/// The natural logarithm: -∞ of 0, NaN of what is below.
#[inline(always)]
pub(crate) fn ln<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let splat = |number: f32| simd.splat_f32s(number);
    let is_normal = simd.greater_than_or_equal_f32s(x, splat(f32::MIN_POSITIVE));
    let normal = simd.select_f32s(is_normal, x, simd.mul_f32s(x, splat(8_388_608.0)));
    let bias = simd.select_f32s(is_normal, splat(127.0), splat(127.0 + 23.0));
    // The exponent of x / √½, so that what is left lies in [√½, √2).
    let root = simd.splat_u32s(std::f32::consts::FRAC_1_SQRT_2.to_bits());
    let one = simd.splat_u32s(1.0_f32.to_bits());
    let moved = simd.add_u32s(simd.transmute_u32s_f32s(normal), simd.sub_u32s(one, root));
    let mantissa = simd.and_u32s(moved, simd.splat_u32s(0x007f_ffff));
    let fraction = simd.transmute_f32s_u32s(simd.add_u32s(mantissa, root));
    // A whole number below 2^23 in the lowest bits of 2^23 is that number more than it.
    let exponent = simd.wrapping_dyn_shr_u32s(moved, simd.splat_u32s(23));
    let exponent = simd.or_u32s(exponent, simd.splat_u32s(8_388_608.0_f32.to_bits()));
    let exponent = simd.sub_f32s(simd.transmute_f32s_u32s(exponent), splat(8_388_608.0));
    let exponent = simd.sub_f32s(exponent, bias);

    let f = simd.sub_f32s(fraction, splat(1.0));
    let square = simd.mul_f32s(f, f);
    let tail = simd.mul_f32s(simd.mul_f32s(square, f), polynomial(simd, f, LN));
    let tail = simd.mul_add_e_f32s(exponent, splat(LN_2[1]), tail);
    let tail = simd.mul_add_e_f32s(square, splat(-0.5), tail);
    let value = simd.mul_add_e_f32s(exponent, splat(LN_2[0]), simd.add_f32s(f, tail));

    let value = simd.select_f32s(simd.greater_than_f32s(x, splat(0.0)), value, splat(f32::NAN));
    let value = simd.select_f32s(simd.equal_f32s(x, splat(0.0)), splat(f32::NEG_INFINITY), value);
    let infinite = simd.equal_f32s(x, splat(f32::INFINITY));
    simd.select_f32s(infinite, x, value)
}

/// `ln(1 + e)` for `0 <= e <= 1`.
#[inline(always)]
pub(crate) fn ln_1p_of_share<S: Simd>(simd: S, e: S::f32s) -> S::f32s {
    let square = simd.mul_f32s(e, e);
    simd.mul_add_e_f32s(polynomial(simd, e, LN_1P), square, e)
}

/// `|x|`.
#[inline(always)]
pub(crate) fn abs<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    simd.and_f32s(x, simd.splat_f32s(f32::from_bits(0x7fff_ffff)))
}

/// `-x`.
#[inline(always)]
pub(crate) fn neg<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    simd.xor_f32s(x, simd.splat_f32s(-0.0))
}

/// The hyperbolic tangent.
#[inline(always)]
pub(crate) fn tanh<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let splat = |number: f32| simd.splat_f32s(number);
    let size = abs(simd, x);
    let sign = simd.and_f32s(x, splat(-0.0));
    let square = simd.mul_f32s(x, x);
    let near = simd.mul_f32s(polynomial(simd, square, TANH), square);
    let near = simd.mul_add_e_f32s(near, x, x);
    let e = exp(simd, simd.mul_f32s(size, splat(-2.0)));
    let far = simd.div_f32s(simd.sub_f32s(splat(1.0), e), simd.add_f32s(splat(1.0), e));
    let is_near = simd.less_than_f32s(size, splat(0.625));
    simd.select_f32s(is_near, near, simd.or_f32s(far, sign))
}

/// What a yes-or-no logit says: of the pair "yes" (the logit) and "no" (its negative), the probabilities and minus their
/// logarithms.
pub(crate) struct Sides<V> {
    /// `1 / (1 + e^-x)` and `1 / (1 + e^x)`.
    pub(crate) probability: [V; 2],
    /// `ln(1 + e^-x)` and `ln(1 + e^x)`.
    pub(crate) surprise: [V; 2],
}

/// Sigmoid and softplus of a logit and its negative, all without cancellation or overflow.
#[inline(always)]
pub(crate) fn sides<S: Simd>(simd: S, x: S::f32s) -> Sides<S::f32s> {
    let (zero, one) = (simd.splat_f32s(0.0), simd.splat_f32s(1.0));
    let e = exp(simd, neg(simd, abs(simd, x)));
    let greater = simd.div_f32s(one, simd.add_f32s(one, e));
    let less = simd.mul_f32s(e, greater);
    let log = ln_1p_of_share(simd, e);
    let yes = simd.greater_than_or_equal_f32s(x, zero);
    let size = abs(simd, x);
    let beyond = simd.add_f32s(size, log);
    Sides {
        probability: [simd.select_f32s(yes, greater, less), simd.select_f32s(yes, less, greater)],
        surprise: [simd.select_f32s(yes, log, beyond), simd.select_f32s(yes, beyond, log)],
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "what is exact is compared as such")]
pub(crate) mod tests {
    use pulp::{Scalar, WithSimd};

    use super::*;
    use crate::simd::{load, store};

    /// Runs a kernel with every width that this machine has.
    pub(crate) fn each_width<K: WithSimd<Output = ()> + Copy>(kernel: K) {
        kernel.with_simd(Scalar::new());
        #[cfg(target_arch = "x86_64")]
        {
            if let Some(simd) = pulp::x86::V3::try_new() {
                Simd::vectorize(simd, kernel);
            }
            if let Some(simd) = pulp::x86::V4::try_new() {
                Simd::vectorize(simd, kernel);
            }
        }
    }

    /// The width that tests ask for on this thread; none is the widest.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) enum Width {
        Scalar,
        V3,
        Widest,
    }

    thread_local! {
        static WIDTH: std::cell::Cell<Width> = const { std::cell::Cell::new(Width::Widest) };
    }

    /// The width that was asked for.
    pub(crate) fn width() -> Width {
        WIDTH.get()
    }

    /// Runs a test with vectors of every width that this machine has.
    pub(crate) fn with_each_width(test: impl Fn()) {
        for width in [Width::Scalar, Width::V3, Width::Widest] {
            WIDTH.set(width);
            test();
        }
        WIDTH.set(Width::Widest);
    }

    pub(crate) fn dispatch_as<K: WithSimd>(width: Width, kernel: K) -> K::Output {
        match width {
            Width::Scalar => kernel.with_simd(Scalar::new()),
            #[cfg(target_arch = "x86_64")]
            Width::V3 if let Some(simd) = pulp::x86::V3::try_new() => Simd::vectorize(simd, kernel),
            _ => crate::simd::dispatch(kernel),
        }
    }

    #[derive(Clone, Copy)]
    enum Function {
        Exp,
        Ln,
        Ln1p,
        Tanh,
        Sigmoid,
        Softplus,
    }

    impl Function {
        #[inline(always)]
        fn of_vector<S: Simd>(self, simd: S, x: S::f32s) -> S::f32s {
            match self {
                Function::Exp => exp(simd, x),
                Function::Ln => ln(simd, x),
                Function::Ln1p => ln_1p_of_share(simd, x),
                Function::Tanh => tanh(simd, x),
                Function::Sigmoid => sides(simd, x).probability[0],
                Function::Softplus => sides(simd, x).surprise[1],
            }
        }

        fn of_f64(self, x: f64) -> f64 {
            match self {
                Function::Exp => x.exp(),
                Function::Ln => x.ln(),
                Function::Ln1p => x.ln_1p(),
                Function::Tanh => x.tanh(),
                Function::Sigmoid => 1.0 / (1.0 + (-x).exp()),
                Function::Softplus => x.max(0.0) + (-x.abs()).exp().ln_1p(),
            }
        }
    }

    /// Checks a function at `count` arguments against f64: the room is in units in the last place.
    #[derive(Clone, Copy)]
    struct Check {
        function: Function,
        from: f32,
        to: f32,
        room: f64,
    }

    impl WithSimd for Check {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            const COUNT: usize = 160_000;
            let span = f64::from(self.to) - f64::from(self.from);
            let argument = |step: usize| (f64::from(self.from) + span * step as f64 / COUNT as f64) as f32;
            let arguments: Vec<f32> = (0..COUNT).map(argument).collect();
            let mut values = vec![0.0; COUNT];
            for start in (0..COUNT).step_by(S::F32_LANES) {
                // SAFETY: the count is a multiple of every number of lanes.
                unsafe {
                    let x = load(simd, arguments.as_ptr().add(start));
                    store(simd, values.as_mut_ptr().add(start), self.function.of_vector(simd, x));
                }
            }
            for (x, value) in arguments.iter().zip(values) {
                let expected = self.function.of_f64(f64::from(*x));
                let unit = f64::from((expected as f32).abs().next_up()) - f64::from((expected as f32).abs());
                let error = (f64::from(value) - expected).abs() / unit;
                assert!(
                    error <= self.room,
                    "at {x:e}: {value:e} for {expected:e}, {error} units off, {simd:?}"
                );
            }
        }
    }

    #[test]
    fn functions_are_right_to_the_last_places() {
        let checks = [
            (Function::Exp, EXP_LEAST, EXP_MOST, 1.5),
            (Function::Exp, -1.0, 1.0, 1.5),
            (Function::Ln, f32::MIN_POSITIVE, 1e-3, 1.5),
            (Function::Ln, 0.5, 3.0, 2.0),
            (Function::Ln, 3.0, f32::MAX, 1.5),
            (Function::Ln, 1e-45, 1e-38, 1.5),
            (Function::Ln1p, 0.0, 1.0, 2.0),
            (Function::Tanh, -12.0, 12.0, 2.5),
            (Function::Sigmoid, -80.0, 80.0, 3.0),
            (Function::Softplus, -80.0, 80.0, 3.0),
        ];
        for (function, from, to, room) in checks {
            each_width(Check { function, from, to, room });
        }
    }

    #[derive(Clone, Copy)]
    struct Edges;

    impl WithSimd for Edges {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            let at = |function: Function, x: f32| {
                let value = function.of_vector(simd, simd.splat_f32s(x));
                bytemuck::cast_slice::<S::f32s, f32>(&[value])[S::F32_LANES - 1]
            };
            let infinity = f32::INFINITY;
            let nans = [f32::NAN, -f32::NAN, f32::from_bits(0x7fff_ffff), f32::from_bits(0xffff_fe01)];
            for function in
                [Function::Exp, Function::Ln, Function::Tanh, Function::Sigmoid, Function::Softplus]
            {
                for nan in nans {
                    assert!(at(function, nan).is_nan());
                }
            }
            assert_eq!([at(Function::Exp, infinity), at(Function::Exp, 88.73)], [infinity; 2]);
            assert_eq!([at(Function::Exp, -infinity), at(Function::Exp, -1e30)], [0.0; 2]);
            assert_eq!([at(Function::Exp, 0.0), at(Function::Exp, -0.0)], [1.0; 2]);
            assert_eq!([at(Function::Ln, 0.0), at(Function::Ln, infinity)], [-infinity, infinity]);
            assert_eq!([at(Function::Ln, 1.0), at(Function::Tanh, 0.0)], [0.0; 2]);
            assert!(at(Function::Ln, -1.0).is_nan());
            assert_eq!([at(Function::Tanh, infinity), at(Function::Tanh, -infinity)], [1.0, -1.0]);
            assert_eq!([at(Function::Sigmoid, infinity), at(Function::Sigmoid, -infinity)], [1.0, 0.0]);
            assert_eq!([at(Function::Softplus, 3e38), at(Function::Softplus, -infinity)], [3e38, 0.0]);
        }
    }

    #[test]
    fn edges_are_those_of_the_functions() {
        each_width(Edges);
    }
}
