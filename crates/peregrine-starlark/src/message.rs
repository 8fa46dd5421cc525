//! Messages between the two processes: frames of a length in four bytes, a kind in one, and a value.

use peregrine_engine::prelude::*;

use crate::codec;

/// Maximum bytes of one frame.
pub(crate) const MAX_FRAME: usize = 64 << 20;
/// Bytes of the length before a frame.
pub(crate) const HEADER: usize = 4;

const LOAD: u8 = 1;
const GET: u8 = 2;
const CALL: u8 = 3;
const STOP: u8 = 4;
const PRINTED: u8 = 16;
const DONE: u8 = 17;
const FAILED: u8 = 18;

/// A request from the query. Each except the last kind is answered before the next is sent.
#[derive(Debug)]
pub(crate) enum Request {
    /// Runs a script with these global names. The answer is a dict: the names of the script, and whether each
    /// is a function.
    Load { code: String, globals: Dict },
    /// Reads the value of a name.
    Get(String),
    /// Calls a function with named arguments.
    Call { name: String, args: Dict },
    /// Abandons the current request, because nobody waits for it any more.
    Stop,
}

/// A message from the interpreter.
#[derive(Debug)]
pub(crate) enum Answer {
    /// A printed line, before the actual answer.
    Printed(String),
    Done(Value),
    Failed(String),
}

impl Request {
    pub(crate) fn to_frame(&self) -> Result<Vec<u8>, String> {
        match self {
            Request::Load { code, globals } => frame(
                LOAD,
                &Value::array(vec![Value::from(code), Value::Dict(globals.clone())]),
            ),
            Request::Get(name) => frame(GET, &Value::from(name)),
            Request::Call { name, args } => frame(
                CALL,
                &Value::array(vec![Value::from(name), Value::Dict(args.clone())]),
            ),
            Request::Stop => frame(STOP, &Value::Null),
        }
    }

    pub(crate) fn from_frame(frame: &[u8]) -> Result<Request, String> {
        let (kind, value) = parts(frame)?;
        Ok(match (kind, value) {
            (LOAD, value) => {
                let (code, globals) = text_and_dict(&value)?;
                Request::Load { code, globals }
            }
            (GET, Value::Str(name)) => Request::Get(name.to_string()),
            (CALL, value) => {
                let (name, args) = text_and_dict(&value)?;
                Request::Call { name, args }
            }
            (STOP, _) => Request::Stop,
            _ => return Err(format!("`{kind}` is not a request")),
        })
    }
}

impl Answer {
    pub(crate) fn to_frame(&self) -> Result<Vec<u8>, String> {
        match self {
            Answer::Printed(text) => frame(PRINTED, &Value::from(text)),
            Answer::Done(value) => frame(DONE, value),
            Answer::Failed(text) => frame(FAILED, &Value::from(text)),
        }
    }

    pub(crate) fn from_frame(frame: &[u8]) -> Result<Answer, String> {
        let (kind, value) = parts(frame)?;
        Ok(match (kind, value) {
            (PRINTED, Value::Str(text)) => Answer::Printed(text.to_string()),
            (DONE, value) => Answer::Done(value),
            (FAILED, Value::Str(text)) => Answer::Failed(text.to_string()),
            _ => return Err(format!("`{kind}` is not an answer")),
        })
    }
}

/// The length of the frame after this header.
pub(crate) fn frame_length(header: [u8; HEADER]) -> Result<usize, String> {
    let length = u32::from_le_bytes(header) as usize;
    if length > MAX_FRAME {
        return Err(format!("a frame of {length} bytes is too large"));
    }
    Ok(length)
}

fn frame(kind: u8, value: &Value) -> Result<Vec<u8>, String> {
    let mut frame = vec![0; HEADER];
    frame.push(kind);
    codec::write(value, &mut frame)?;
    let length = u32::try_from(frame.len() - HEADER).unwrap_or(u32::MAX);
    frame[..HEADER].copy_from_slice(&length.to_le_bytes());
    Ok(frame)
}

fn parts(frame: &[u8]) -> Result<(u8, Value), String> {
    let (kind, value) = frame.split_first().ok_or("an empty frame")?;
    Ok((*kind, codec::read(value)?))
}

fn text_and_dict(value: &Value) -> Result<(String, Dict), String> {
    match value.as_array() {
        Some([Value::Str(text), Value::Dict(dict)]) => Ok((text.to_string(), dict.clone())),
        _ => Err("a request of the wrong shape".to_owned()),
    }
}
