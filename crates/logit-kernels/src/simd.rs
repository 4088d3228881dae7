//! The choice of the SIMD width, and the loads and stores that kernels share.

use std::sync::LazyLock;

use pulp::{Arch, Simd, WithSimd};

static ARCH: LazyLock<Arch> = LazyLock::new(Arch::new);

/// Runs a kernel with the widest vectors that this machine has.
#[inline]
pub(crate) fn dispatch<K: WithSimd>(kernel: K) -> K::Output {
    #[cfg(test)]
    if let Some(arch) = tests::FORCED.get() {
        return arch.dispatch(kernel);
    }
    ARCH.dispatch(kernel)
}

/// Runs a closure compiled for the widest vectors that this machine has.
///
/// The closure, and each that it calls, must be `#[inline(always)]`: what is not inlined here is compiled for the oldest
/// machine.
#[inline]
pub(crate) fn vectorized<R>(work: impl FnMut() -> R) -> R {
    struct Closure<W>(W);

    impl<R, W: FnMut() -> R> WithSimd for Closure<W> {
        type Output = R;

        #[inline(always)]
        fn with_simd<S: Simd>(mut self, _simd: S) -> R {
            // A call by reference is the closure itself; one by value is a function around it, which may not be inlined.
            (self.0)()
        }
    }

    dispatch(Closure(work))
}

/// A vector from memory at `place`, which needs no more alignment than an `f32` has.
///
/// # Safety
/// `S::F32_LANES` numbers from `place` on can be read.
#[inline(always)]
pub(crate) unsafe fn load<S: Simd>(_simd: S, place: *const f32) -> S::f32s {
    // SAFETY: the caller vouches for the memory; every bit pattern is a vector.
    unsafe { place.cast::<S::f32s>().read_unaligned() }
}

/// Writes a vector to memory at `place`, which needs no more alignment than an `f32` has.
///
/// # Safety
/// `S::F32_LANES` numbers from `place` on can be written.
#[inline(always)]
pub(crate) unsafe fn store<S: Simd>(_simd: S, place: *mut f32, vector: S::f32s) {
    // SAFETY: the caller vouches for the memory.
    unsafe { place.cast::<S::f32s>().write_unaligned(vector) }
}

/// Asks for the cache line at `place`, which is soon to be written, while other work goes on.
#[inline(always)]
pub(crate) fn prefetch_write(place: *const f32) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a hint, which touches no memory whatever the place.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_ET0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_ET0>(place.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = place;
}

/// Lanes of an f32 vector, and the number of vector registers.
pub(crate) fn shape() -> (usize, usize) {
    struct Shape;
    impl WithSimd for Shape {
        type Output = (usize, usize);

        #[inline(always)]
        fn with_simd<S: Simd>(self, _simd: S) -> Self::Output {
            (S::F32_LANES, S::REGISTER_COUNT)
        }
    }
    dispatch(Shape)
}

/// A vector of half its numbers from each of two places.
///
/// # Safety
/// `S::F32_LANES / 2` numbers from each place on can be read.
#[inline(always)]
pub(crate) unsafe fn load_halves<S: Simd>(_simd: S, low: *const f32, high: *const f32) -> S::f32s {
    let half = const { S::F32_LANES / 2 };
    let mut vector = <S::f32s as bytemuck::Zeroable>::zeroed();
    let place = (&raw mut vector).cast::<f32>();
    // SAFETY: the caller vouches for the sources; the vector has room for both halves.
    unsafe {
        place.copy_from_nonoverlapping(low, half);
        place.add(half).copy_from_nonoverlapping(high, half);
    }
    vector
}

/// Writes the halves of a vector to two places.
///
/// # Safety
/// `S::F32_LANES / 2` numbers from each place on can be written.
#[inline(always)]
pub(crate) unsafe fn store_halves<S: Simd>(_simd: S, low: *mut f32, high: *mut f32, vector: S::f32s) {
    let half = const { S::F32_LANES / 2 };
    let place = (&raw const vector).cast::<f32>();
    // SAFETY: the caller vouches for the places; the vector has both halves.
    unsafe {
        low.copy_from_nonoverlapping(place, half);
        high.copy_from_nonoverlapping(place.add(half), half);
    }
}

/// The sum of numbers, in lanes: as many partial sums as a vector has.
pub(crate) fn sum(numbers: &[f32]) -> f32 {
    struct Sum<'a>(&'a [f32]);
    impl WithSimd for Sum<'_> {
        type Output = f32;

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) -> f32 {
            let (vectors, rest) = S::as_simd_f32s(self.0);
            let mut sums = [simd.splat_f32s(0.0); 4];
            let (fours, lonely) = vectors.as_chunks::<4>();
            for four in fours {
                for (sum, vector) in sums.iter_mut().zip(four) {
                    *sum = simd.add_f32s(*sum, *vector);
                }
            }
            for vector in lonely {
                sums[0] = simd.add_f32s(sums[0], *vector);
            }
            let pairs = [simd.add_f32s(sums[0], sums[1]), simd.add_f32s(sums[2], sums[3])];
            simd.reduce_sum_f32s(simd.add_f32s(pairs[0], pairs[1])) + rest.iter().sum::<f32>()
        }
    }
    dispatch(Sum(numbers))
}

#[cfg(test)]
pub(crate) mod tests {
    use std::cell::Cell;

    use super::*;

    thread_local! {
        /// The vectors that kernels on this thread use, if not the machine's widest.
        pub(super) static FORCED: Cell<Option<Arch>> = const { Cell::new(None) };
    }

    /// Runs a test with vectors of every width that this machine has, in a pool of one thread.
    pub(crate) fn in_each_width(test: impl Fn() + Sync) {
        for arch in widths() {
            let force = move |_| FORCED.set(Some(arch));
            let pool = rayon::ThreadPoolBuilder::new().num_threads(1).start_handler(force).build();
            pool.expect("a pool of one thread").install(&test);
        }
    }

    fn widths() -> Vec<Arch> {
        let mut widths = vec![Arch::Scalar, Arch::new()];
        #[cfg(target_arch = "x86_64")]
        widths.extend(pulp::x86::V3::try_new().map(Arch::V3));
        widths
    }

    #[test]
    fn every_width_is_its_own() {
        let seen = std::sync::Mutex::new(vec![]);
        in_each_width(|| seen.lock().expect("no test failed").push(shape()));
        let seen = seen.into_inner().expect("no test failed");
        assert_eq!(seen[..2], [(1, 16), shape()]);
    }
}
