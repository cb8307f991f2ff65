//! Embedded model server on candle.
