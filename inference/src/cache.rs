//! Keys and values of one sequence, allocated once for the length that was admitted.

use crate::kernels::{HEAD, LANES};
use crate::weights::Shape;

/// Keys and values of every layer and key/value head.
pub(crate) struct KvCache {
    kv_heads: usize,
    capacity: usize,
    heads: Vec<HeadCache>,
}

/// One head of one layer; layout as `kernels::attend` wants it.
struct HeadCache {
    keys: Vec<[f32; LANES]>,
    values: Vec<[f32; HEAD]>,
}

impl KvCache {
    /// Room for `capacity` positions. The pages are touched only when they are written.
    pub(crate) fn new(shape: &Shape, capacity: usize) -> Self {
        let capacity = capacity.next_multiple_of(LANES);
        let head = || HeadCache {
            keys: vec![[0.0; LANES]; capacity / LANES * HEAD],
            values: vec![[0.0; HEAD]; capacity],
        };
        let heads = (0..shape.layers * shape.kv_heads).map(|_| head()).collect();
        Self { kv_heads: shape.kv_heads, capacity, heads }
    }

    /// Bytes that one position takes.
    pub(crate) fn bytes_per_position(shape: &Shape) -> usize {
        shape.layers * shape.kv_heads * HEAD * 2 * size_of::<f32>()
    }

    /// Bytes that a cache for `positions` takes.
    pub(crate) fn bytes(shape: &Shape, positions: usize) -> usize {
        positions.next_multiple_of(LANES) * Self::bytes_per_position(shape)
    }

    /// Positions there is room for.
    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }

    /// Writes the keys and values (all heads side by side) of one position of one layer.
    pub(crate) fn write(&mut self, layer: usize, position: usize, (keys, values): (&[f32], &[f32])) {
        let heads = self.heads.iter_mut().skip(layer * self.kv_heads);
        let rows = keys.as_chunks::<HEAD>().0.iter().zip(values.as_chunks::<HEAD>().0);
        for (head, (keys, values)) in heads.zip(rows) {
            let places = head.keys.iter_mut().skip(position / LANES * HEAD);
            for (place, key) in places.zip(keys) {
                if let Some(place) = place.get_mut(position % LANES) {
                    *place = *key;
                }
            }
            if let Some(place) = head.values.get_mut(position) {
                *place = *values;
            }
        }
    }

    /// Keys and values of one head of one layer.
    pub(crate) fn head(&self, layer: usize, head: usize) -> (&[[f32; LANES]], &[[f32; HEAD]]) {
        match self.heads.get(layer * self.kv_heads + head) {
            Some(head) => (&head.keys, &head.values),
            None => (&[], &[]),
        }
    }
}
