//! Encodings, compression, hashes.

mod base64decode;
mod base64encode;
mod base85decode;
mod compress;
mod crypto_rc4;
mod encode;
mod form;
mod gunzip;
mod hash;
mod lzxpress_decompress;
mod openpgp;
mod pem;
mod pk_decrypt;
mod pk_encrypt;
mod rot13;
mod serialize;
mod tlsh_hash;
mod unhex;
mod utf16;
mod utf16_encode;
mod xor;
mod yaml_form;

use crate::prelude::*;

pub(crate) use form::pretty_json;

pub(crate) const ALL: &[FunctionDef] = functions![
    base64decode::Base64Decode,
    base64encode::Base64Encode,
    base85decode::Base85Decode,
    compress::Compress,
    crypto_rc4::CryptoRc4,
    encode::Encode,
    gunzip::Gunzip,
    hash::Hash,
    lzxpress_decompress::LzxpressDecompress,
    pk_decrypt::PkDecrypt,
    pk_encrypt::PkEncrypt,
    rot13::Rot13,
    serialize::Serialize,
    tlsh_hash::TlshHash,
    unhex::Unhex,
    utf16::Utf16,
    utf16_encode::Utf16Encode,
    xor::Xor,
];
