//! Wire formats: JSON slots, server-sent events, the OpenAI dialect.
