//! Parameters whose values the server keeps.

use peregrine_artifacts::Origin;
use serde_json::json;

use super::{ADMIN, Server, rows};

#[test]
fn the_metadata_of_the_server_comes_before_the_default() {
    let server = Server::start_whole();
    let definition = "name: Custom.Server.Kept\ntype: SERVER\n\
                      parameters: [{name: HookUrl, type: server_metadata, default: none}]\n\
                      sources: [{query: SELECT HookUrl FROM scope()}]\n";
    server.core.artifacts.load(definition, Origin::Custom).unwrap();
    let used = |parameters| rows(&server, "Custom.Server.Kept", parameters).remove(0);
    assert_eq!(used(""), json!({"HookUrl": "none"}));
    let set = "client_set_metadata(client_id='server', metadata=dict(HookUrl='https://chat.example'))";
    let (done, log) = server.value(ADMIN, set);
    assert_eq!(done, "true", "{log:?}");
    assert_eq!(used(""), json!({"HookUrl": "https://chat.example"}));
    assert_eq!(used("HookUrl='mine'"), json!({"HookUrl": "mine"}));
}
