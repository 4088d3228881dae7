//! Channel planes in parts.

use std::marker::PhantomData;

/// Some channels of a batch of maps: `[batch, channels, height, width]`.
#[derive(Clone, Copy, Debug)]
pub struct Part<'a> {
    /// The numbers.
    pub data: &'a [f32],
    /// How many channels.
    pub channels: usize,
}

/// The same, to be written.
#[derive(Debug)]
pub struct PartMut<'a> {
    /// The numbers.
    pub data: &'a mut [f32],
    /// How many channels.
    pub channels: usize,
}

/// Parts that together make the channels of a batch of maps.
pub(super) struct Planes<'a> {
    parts: Vec<Part<'a>>,
    pub(super) size: [usize; 2],
}

impl<'a> Planes<'a> {
    /// # Panics
    /// The parts do not make `channels` channels, or a length does not fit.
    pub(super) fn new(parts: &[Part<'a>], batch: usize, channels: usize, size: [usize; 2]) -> Self {
        assert_eq!(parts.iter().map(|part| part.channels).sum::<usize>(), channels, "channels of the parts");
        for part in parts {
            assert_eq!(
                part.data.len(),
                batch * part.channels * size[0] * size[1],
                "numbers of a part, and its shape"
            );
        }
        Self { parts: parts.to_vec(), size }
    }

    /// The plane of a channel of an image.
    pub(super) fn plane(&self, image: usize, mut channel: usize) -> &'a [f32] {
        let numbers = self.size[0] * self.size[1];
        for part in &self.parts {
            if channel < part.channels {
                return &part.data[(image * part.channels + channel) * numbers..][..numbers];
            }
            channel -= part.channels;
        }
        unreachable!("channels are counted when the parts are taken")
    }
}

/// Parts to be written, by many threads, each to planes or rows of its own.
pub(super) struct PlanesMut<'a> {
    parts: Vec<(*mut f32, usize)>,
    pub(super) size: [usize; 2],
    borrow: PhantomData<&'a mut [f32]>,
}

// SAFETY: writers vouch that no two of them write the same number.
unsafe impl Sync for PlanesMut<'_> {}

/// Where a channel's planes lie.
#[derive(Clone, Copy)]
pub(super) struct Channel {
    /// The plane in the first image.
    pub(super) first: *mut f32,
    /// From a plane to that of the next image.
    pub(super) next_image: usize,
}

impl<'a> PlanesMut<'a> {
    /// # Panics
    /// As [`Planes::new`].
    pub(super) fn new(parts: &'a mut [PartMut<'_>], batch: usize, channels: usize, size: [usize; 2]) -> Self {
        assert_eq!(parts.iter().map(|part| part.channels).sum::<usize>(), channels, "channels of the parts");
        for part in parts.iter() {
            assert_eq!(
                part.data.len(),
                batch * part.channels * size[0] * size[1],
                "numbers of a part, and its shape"
            );
        }
        let parts = parts.iter_mut().map(|part| (part.data.as_mut_ptr(), part.channels)).collect();
        Self { parts, size, borrow: PhantomData }
    }

    pub(super) fn channel(&self, mut channel: usize) -> Channel {
        let numbers = self.size[0] * self.size[1];
        for &(data, channels) in &self.parts {
            if channel < channels {
                // SAFETY: the plane lies in the part, whose length was checked against its shape.
                let first = unsafe { data.add(channel * numbers) };
                return Channel { first, next_image: channels * numbers };
            }
            channel -= channels;
        }
        unreachable!("channels are counted when the parts are taken")
    }
}
