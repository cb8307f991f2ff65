//! Check sums of addresses of wallets.

use sha2::{Digest, Sha256};

/// Base58Check: 21 bytes and the first four of a double SHA-256 (Bitcoin). Ripple orders its alphabet otherwise.
pub(crate) fn base58(text: &str) -> bool {
    const BITCOIN: &[u8] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    const RIPPLE: &[u8] = b"rpshnaf39wBUDNEGHJKLM4PQRST7VWXYZ2bcdeCg65jkm8oFqi1tuvAxyz";
    let alphabet = if text.starts_with('r') { RIPPLE } else { BITCOIN };
    decode(text, alphabet).is_some_and(|bytes| {
        let (body, check) = bytes.split_at(21);
        Sha256::digest(Sha256::digest(body)).starts_with(check)
    })
}

/// 25 bytes of a number in base 58.
fn decode(text: &str, alphabet: &[u8]) -> Option<[u8; 25]> {
    let mut number = [0u8; 25];
    for byte in text.bytes() {
        let mut carry = u32::try_from(alphabet.iter().position(|it| *it == byte)?).ok()?;
        for place in number.iter_mut().rev() {
            carry += u32::from(*place) * 58;
            *place = u8::try_from(carry & 0xff).ok()?;
            carry >>= 8;
        }
        if carry != 0 {
            return None;
        }
    }
    Some(number)
}

/// Bech32 and Bech32m (BIP 173, BIP 350).
pub(crate) fn bech32(text: &str) -> bool {
    const ALPHABET: &[u8] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    let text = text.to_ascii_lowercase();
    let Some((human, rest)) = text.rsplit_once('1') else { return false };
    let mut sum = 1u32;
    let mut push = |value: u32| {
        let top = sum >> 25;
        sum = (sum & 0x1ff_ffff) << 5 ^ value;
        for (bit, generator) in
            [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3].into_iter().enumerate()
        {
            if top >> bit & 1 == 1 {
                sum ^= generator;
            }
        }
    };
    human.bytes().for_each(|byte| push(u32::from(byte) >> 5));
    push(0);
    human.bytes().for_each(|byte| push(u32::from(byte) & 31));
    for byte in rest.bytes() {
        match ALPHABET.iter().position(|it| *it == byte).and_then(|at| u32::try_from(at).ok()) {
            Some(value) => push(value),
            None => return false,
        }
    }
    matches!(sum, 1 | 0x2bc8_30a3)
}
