//! HTTP/1.1 over plain TCP, one connection per request.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;

pub const PATIENCE: Duration = Duration::from_secs(120);

pub struct Reply {
    pub status: u16,
    pub headers: http::HeaderMap,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Sends a request; the body of the answer is still to be read.
pub async fn open(address: SocketAddr, request: Request<Full<Bytes>>) -> Response<Incoming> {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(connection);
    timeout(PATIENCE, sender.send_request(request))
        .await
        .expect("an answer in time")
        .unwrap()
}

pub async fn send(address: SocketAddr, request: Request<Full<Bytes>>) -> Reply {
    let (parts, body) = open(address, request).await.into_parts();
    let body = timeout(PATIENCE, body.collect())
        .await
        .expect("a whole answer in time")
        .unwrap()
        .to_bytes()
        .to_vec();
    Reply {
        status: parts.status.as_u16(),
        headers: parts.headers,
        body,
    }
}

pub async fn post(address: SocketAddr, path: &str, body: Vec<u8>) -> Reply {
    let request = Request::post(path)
        .header("host", address.to_string())
        .body(Full::new(Bytes::from(body)));
    send(address, request.unwrap()).await
}

pub async fn get(address: SocketAddr, path: &str) -> Reply {
    let request = Request::get(path)
        .header("host", address.to_string())
        .body(Full::default());
    send(address, request.unwrap()).await
}

/// Keeps the cookie and the CSRF token, as a browser and the GUI do.
#[derive(Clone)]
pub struct Browser {
    pub address: SocketAddr,
    pub cookie: String,
    pub csrf: String,
}

impl Browser {
    pub fn new(address: SocketAddr) -> Browser {
        Browser {
            address,
            cookie: String::new(),
            csrf: String::new(),
        }
    }

    pub async fn sign_in(&mut self, user: &str, password: &str) -> Reply {
        let reply = self
            .call(
                "POST",
                "session",
                Some(json!({"username": user, "password": password})),
            )
            .await;
        if let Some(cookie) = reply.headers.get("set-cookie") {
            self.cookie = cookie.to_str().unwrap().split(';').next().unwrap().to_owned();
            self.csrf = reply.json()["csrf_token"].as_str().unwrap().to_owned();
        }
        reply
    }

    pub fn request(&self, method: &str, path: &str, body: Option<Value>) -> Request<Full<Bytes>> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("/api/v1/{path}"))
            .header("host", self.address.to_string())
            .header("origin", format!("http://{}", self.address))
            .header("content-type", "application/json");
        if !self.cookie.is_empty() {
            request = request.header("cookie", &self.cookie);
        }
        if !self.csrf.is_empty() {
            request = request.header("x-csrf-token", &self.csrf);
        }
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        request.body(Full::new(Bytes::from(body))).unwrap()
    }

    pub async fn call(&self, method: &str, path: &str, body: Option<Value>) -> Reply {
        send(self.address, self.request(method, path, body)).await
    }

    /// Waits until a client is shown as online, or as offline: servers announce their connections with a short delay.
    pub async fn sees(&self, client_id: &str, online: bool) {
        let client = format!("clients/{client_id}");
        let seen = async { while self.get(&client).await["online"] != online {} };
        tokio::time::timeout(PATIENCE, seen)
            .await
            .unwrap_or_else(|_| panic!("{client_id}: never online={online}"));
    }

    pub async fn get(&self, path: &str) -> Value {
        let reply = self.call("GET", path, None).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.text());
        reply.json()
    }

    /// Opens the push stream.
    pub async fn watch(&self, topics: &str) -> Watch {
        self.watch_after(topics, "").await
    }

    /// Opens the push stream again, after the event with this id.
    pub async fn watch_after(&self, topics: &str, last: &str) -> Watch {
        let mut request = self.request("GET", &format!("events?topics={topics}"), None);
        if !last.is_empty() {
            request
                .headers_mut()
                .insert("last-event-id", last.parse().unwrap());
        }
        let response = open(self.address, request).await;
        assert_eq!(response.status(), 200);
        let mut watch = Watch {
            body: response.into_body(),
            text: String::new(),
        };
        let greeting = watch.until(": connected").await;
        watch.text = greeting;
        watch
    }
}

pub struct Watch {
    body: Incoming,
    text: String,
}

impl Watch {
    /// Reads until the text appears; returns everything read since the last call.
    pub async fn until(&mut self, wanted: &str) -> String {
        while !self.text.contains(wanted) {
            let frame = timeout(PATIENCE, self.body.frame())
                .await
                .expect("an event in time");
            let frame = frame.expect("the stream goes on").unwrap();
            self.text += std::str::from_utf8(frame.data_ref().unwrap()).unwrap();
        }
        std::mem::take(&mut self.text)
    }

    /// Reads until the server ends the stream; returns everything read.
    pub async fn rest(mut self) -> String {
        while let Some(frame) = timeout(PATIENCE, self.body.frame())
            .await
            .expect("an end in time")
        {
            let Ok(frame) = frame else { break };
            self.text += std::str::from_utf8(frame.data_ref().unwrap()).unwrap();
        }
        self.text
    }
}

pub fn encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect()
}
