//! The suite for every bus.

use crate::bus::{Bus, Received, Subscription};

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

    // A subscriber that does not read is told that it lags, and the publisher never waits for it.
    for number in 0..100_000 {
        bus.publish("b", &number.to_string()).await.unwrap();
    }
    in_order_until_lagged(&mut *other).await;
    one_hears_again(&bus, &mut *other).await;
    drop(one);
    bus.publish("a", "gone").await.unwrap();
}

/// A bus between processes may deliver some of them before it reports the lag.
async fn in_order_until_lagged(subscription: &mut dyn Subscription) {
    let mut last = None;
    loop {
        match subscription.next().await.unwrap() {
            Received::Event(event) => {
                let number: usize = event.payload.parse().unwrap();
                assert!(last < Some(number), "{number} after {last:?}");
                last = Some(number);
            }
            Received::Lagged => return,
        }
    }
}

/// Messages arrive again, after those that were still under way.
async fn one_hears_again(bus: &impl Bus, subscription: &mut dyn Subscription) {
    bus.publish("b", "after").await.unwrap();
    let mut lags = 0;
    loop {
        match subscription.next().await.unwrap() {
            Received::Event(event) if &*event.payload == "after" => return,
            Received::Event(_) => {}
            // May replace the message.
            Received::Lagged => {
                lags += 1;
                assert!(lags < 100, "nothing but lags");
                bus.publish("b", "after").await.unwrap();
            }
        }
    }
}
