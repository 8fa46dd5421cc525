//! The files an agent starts with, its configuration and its state, and the one with which a program connects to a server.
#![cfg_attr(fuzzing, no_main)]

use peregrine_wire::api_client::ApiClientConfig;
use peregrine_wire::config::Config;
use peregrine_wire::{Writeback, pki};

peregrine_fuzz::target!(|input: &str| {
    if let Ok(config) = Config::from_yaml(input) {
        let text = config.to_yaml().expect("a configuration we have read");
        Config::from_yaml(&text).expect("a configuration we wrote");
    }
    if let Ok(state) = Writeback::from_yaml(input) {
        let text = state.to_yaml().expect("a state we have read");
        Writeback::from_yaml(&text).expect("a state we wrote");
    }
    if let Ok(config) = ApiClientConfig::from_yaml(input) {
        let text = config.to_yaml().expect("a file we have read");
        let again = ApiClientConfig::from_yaml(&text).expect("a file we wrote");
        if let Ok(address) = again.address() {
            assert_eq!(address.to_string().parse(), Ok(address));
        }
    }
    let _ = pki::facts(input);
});
