//! What every bus does.

use crate::bus::{Bus, Received};

/// Runs the suite on buses made by `make`.
pub async fn bus<B: Bus>(mut make: impl AsyncFnMut() -> B) {
    let bus = make().await;
    bus.publish("a", "nobody listens").await.unwrap();
    let mut one = bus.subscribe(&["a", "b"]).await.unwrap();
    let mut other = bus.subscribe(&["b"]).await.unwrap();
    bus.publish("a", "1").await.unwrap();
    bus.publish("b", "2").await.unwrap();
    bus.publish("c", "3").await.unwrap();
    for (topic, payload) in [("a", "1"), ("b", "2")] {
        let Some(Received::Event(event)) = one.next().await else {
            panic!("no event")
        };
        assert_eq!((&*event.topic, &*event.payload), (topic, payload));
    }
    let Some(Received::Event(event)) = other.next().await else {
        panic!("no event")
    };
    assert_eq!(&*event.payload, "2");

    // A subscriber that does not read is told so, and the publisher never waits for it.
    for number in 0..100_000 {
        bus.publish("b", &number.to_string()).await.unwrap();
    }
    assert_eq!(other.next().await, Some(Received::Lagged), "slow subscriber");
    bus.publish("b", "after").await.unwrap();
    let Some(Received::Event(event)) = other.next().await else {
        panic!("no event after a lag")
    };
    assert_eq!(&*event.payload, "after");
    drop(one);
    bus.publish("a", "gone").await.unwrap();
}
