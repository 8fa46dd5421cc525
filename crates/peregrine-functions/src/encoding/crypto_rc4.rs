//! `crypto_rc4()`: the RC4 cipher, as malware configurations use it.

use crate::prelude::*;

/// Encrypts or decrypts with RC4. The cipher is broken: use it to read data, never to protect it.
#[derive(VqlArgs)]
pub struct Args {
    /// The text.
    string: Str,
    /// The key, 1 to 256 bytes.
    key: Str,
}

pub struct CryptoRc4;

impl Function for CryptoRc4 {
    type Args = Args;
    const NAME: &'static str = "crypto_rc4";
    const CATEGORY: Category = Category::Crypto;
    const ON_ERROR: OnError = OnError::False;
    const EXAMPLES: &'static [Example] = &[
        example(
            "a known result",
            "encode(string=crypto_rc4(string='Plaintext', key='Key'), type='hex')",
            r#""bbf316e8d940af0ad3""#,
        ),
        fails(
            "no key",
            "crypto_rc4(string='a', key='')",
            "a key has 1 to 256 bytes, this one 0",
        ),
    ];

    fn call(_: &Scope, args: Args) -> VqlResult {
        if args.key.is_empty() || args.key.len() > 256 {
            return Err(format!("a key has 1 to 256 bytes, this one {}", args.key.len()).into());
        }
        Ok(Value::str(rc4(&args.string, &args.key)))
    }
}

fn rc4(text: &[u8], key: &[u8]) -> Vec<u8> {
    let mut state: [u8; 256] = std::array::from_fn(|i| i as u8);
    let mut j = 0u8;
    for (i, key) in (0..=255u8).zip(key.iter().cycle()) {
        j = j.wrapping_add(state[usize::from(i)]).wrapping_add(*key);
        state.swap(usize::from(i), usize::from(j));
    }
    let (mut i, mut j) = (0u8, 0u8);
    text.iter()
        .map(|byte| {
            i = i.wrapping_add(1);
            j = j.wrapping_add(state[usize::from(i)]);
            state.swap(usize::from(i), usize::from(j));
            let at = state[usize::from(i)].wrapping_add(state[usize::from(j)]);
            byte ^ state[usize::from(at)]
        })
        .collect()
}
