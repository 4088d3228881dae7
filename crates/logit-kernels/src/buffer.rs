//! Buffers that are used again.
//!
//! A training step asks for the same few dozen big buffers again and again. Memory that is fresh from the system must
//! be zeroed and mapped page by page, which for activations costs as much as computing them; so kernels' callers give
//! buffers back when they are done, and take them again, whatever numbers they hold.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Buffers shorter than this come from and go to the allocator, which keeps small ones itself.
const LEAST_KEPT: usize = 16 * 1024;

/// How many numbers are kept at most: 1 GiB.
const MOST_KEPT: usize = 256 * 1024 * 1024;

/// Bytes from which on a buffer is asked for in huge pages.
#[cfg(target_os = "linux")]
const LEAST_HUGE: usize = 4 * 1024 * 1024;

static KEPT: Mutex<Kept> =
    Mutex::new(Kept { by_length: BTreeMap::new(), asked: BTreeMap::new(), numbers: 0 });

struct Kept {
    by_length: BTreeMap<usize, Vec<Vec<f32>>>,
    /// How often a length was asked for and not there: no more of it are ever of use at once. Others give buffers that
    /// they made themselves, and would fill the store.
    asked: BTreeMap<usize, usize>,
    numbers: usize,
}

/// A buffer of `len` numbers, of no particular value.
pub fn take(len: usize) -> Vec<f32> {
    if len >= LEAST_KEPT
        && let Some(buffer) = kept().remove(len)
    {
        return buffer;
    }
    fresh(len)
}

/// A buffer of `len` zeros.
pub fn take_zeroed(len: usize) -> Vec<f32> {
    if len >= LEAST_KEPT
        && let Some(mut buffer) = kept().remove(len)
    {
        buffer.fill(0.0);
        return buffer;
    }
    fresh(len)
}

/// Zeros from the system, in huge pages where it has them: a fault for every two megabytes, not for every four
/// kilobytes, and fewer places to look up when the numbers are read.
fn fresh(len: usize) -> Vec<f32> {
    let buffer = vec![0.0; len];
    #[cfg(target_os = "linux")]
    if len * size_of::<f32>() >= LEAST_HUGE {
        const PAGE: usize = 4096;
        let start = buffer.as_ptr().align_offset(PAGE) * size_of::<f32>();
        let end = len * size_of::<f32>();
        // SAFETY: whole pages within the buffer, whose contents the advice leaves as they are. A system that has no huge
        // pages answers with an error, which changes nothing.
        unsafe {
            let place = buffer.as_ptr().cast::<u8>().add(start).cast_mut().cast();
            libc::madvise(place, (end - start) / PAGE * PAGE, libc::MADV_HUGEPAGE);
        }
    }
    buffer
}

/// Gives a buffer back, to be taken again.
pub fn give(buffer: Vec<f32>) {
    if buffer.len() >= LEAST_KEPT {
        let mut kept = kept();
        if !kept.wants(buffer.len()) {
            return;
        }
        if kept.numbers + buffer.len() > MOST_KEPT {
            // Full of lengths that nobody asks for any more: what is in use comes back by itself.
            kept.by_length.clear();
            kept.numbers = 0;
        }
        if buffer.len() <= MOST_KEPT {
            kept.numbers += buffer.len();
            kept.by_length.entry(buffer.len()).or_default().push(buffer);
        }
    }
}

/// A buffer that grows to what is asked of it, and goes back in the end.
#[derive(Debug, Default)]
pub(crate) struct Scratch(Vec<f32>);

impl Scratch {
    /// Room for `len` numbers, of no particular value.
    pub(crate) fn of(&mut self, len: usize) -> &mut [f32] {
        if self.0.len() < len {
            give(std::mem::replace(&mut self.0, take(len)));
        }
        &mut self.0[..len]
    }

    /// The same, from the beginning of a cache line on: a vector load then touches one line, not two.
    pub(crate) fn aligned(&mut self, len: usize) -> &mut [f32] {
        const LINE: usize = 64;
        let room = self.of(len + LINE / size_of::<f32>());
        let start = room.as_ptr().align_offset(LINE);
        &mut room[start..start + len]
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        give(std::mem::take(&mut self.0));
    }
}

/// A buffer that goes back when its last holder lets go of it, whoever that is.
#[derive(Debug)]
pub struct Lent(Vec<f32>);

impl Lent {
    /// Lends a buffer.
    pub fn new(buffer: Vec<f32>) -> Self {
        Self(buffer)
    }
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        bytemuck::cast_slice(&self.0)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        give(std::mem::take(&mut self.0));
    }
}

/// Returns all that is kept to the system: after training, or when shapes change for good.
pub fn clear() {
    let mut kept = kept();
    kept.by_length.clear();
    kept.numbers = 0;
}

fn kept() -> std::sync::MutexGuard<'static, Kept> {
    KEPT.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Kept {
    /// Whether one more buffer of a length may be of use.
    fn wants(&self, len: usize) -> bool {
        let there = self.by_length.get(&len).map_or(0, Vec::len);
        self.asked.get(&len).is_some_and(|asked| there < *asked)
    }

    fn remove(&mut self, len: usize) -> Option<Vec<f32>> {
        let Some(buffers) = self.by_length.get_mut(&len) else {
            *self.asked.entry(len).or_default() += 1;
            return None;
        };
        let buffer = buffers.pop()?;
        if buffers.is_empty() {
            self.by_length.remove(&len);
        }
        self.numbers -= len;
        Some(buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_given_back_is_taken_again() {
        let len = LEAST_KEPT + 7;
        let mut buffer = take(len);
        buffer[3] = 5.0;
        let place = buffer.as_ptr();
        give(buffer);
        let again = take(len);
        assert_eq!((again.as_ptr(), again.len(), again[3]), (place, len, 5.0));
        give(again);
        assert!(take_zeroed(len).iter().all(|number| *number == 0.0));
    }

    #[test]
    fn a_lent_buffer_comes_back() {
        let len = LEAST_KEPT + 13;
        let lent = Lent::new(take(len));
        assert_eq!(lent.as_ref().len(), 4 * len);
        let place = lent.as_ref().as_ptr();
        drop(lent);
        let again = take(len);
        assert_eq!(again.as_ptr().cast(), place);
    }

    #[test]
    fn no_more_are_kept_than_were_asked_for() {
        let len = LEAST_KEPT + 17;
        let asked = take(len);
        give(vec![1.0; len]);
        give(vec![2.0; len]);
        give(asked);
        // The first of the two is there, the second is not, and a fresh buffer is zeros.
        assert_eq!([take(len)[0], take(len)[0]].map(f32::to_bits), [1.0, 0.0].map(f32::to_bits));
    }

    #[test]
    fn other_lengths_are_other_buffers() {
        give(vec![1.0; LEAST_KEPT + 9]);
        assert_eq!(take(LEAST_KEPT + 11).len(), LEAST_KEPT + 11);
        assert_eq!(take(0).len(), 0);
    }
}
