//! `enumerate_flow()`: what a collection consists of.

use peregrine_engine::prelude::*;

use crate::args::id;
use crate::{Stored, flow_parts};

/// Lists what the server keeps of a collection: files, rows, messages and its record. This is what `delete_flow()` deletes.
#[derive(VqlArgs)]
pub struct Args {
    /// The client's id.
    client_id: String,
    /// The collection's id; by default the variable `FlowId`.
    flow_id: Option<String>,
}

/// The plugin.
pub struct EnumerateFlow;

impl Plugin for EnumerateFlow {
    type Args = Args;
    type Row = DynRow;
    const NAME: &'static str = "enumerate_flow";
    const CATEGORY: Category = Category::Server;
    const PERMISSIONS: &'static [Permission] = &[Permission::ReadResults];
    const COLUMNS: &'static [ColumnSpec] = flow_parts::COLUMNS;
    const EXAMPLES: &'static [Example] = &[
        example(
            "its tables",
            "SELECT Type, Data.Name AS Name, Data.Rows AS Rows FROM enumerate_flow(client_id='C.0123456789abcdef', flow_id='F.EXAMPLE')\n\
             WHERE Type = 'Result'",
            r#"[{"Type":"Result","Name":"Custom.Numbers","Rows":5}]"#,
        ),
        fails(
            "no such collection",
            "enumerate_flow(client_id='C.0123456789abcdef', flow_id='F.NONE')",
            "flow `F.NONE` not found",
        ),
    ];

    fn run(scope: &Scope, args: Args, rows: &mut Rows<'_, DynRow>) -> VqlResult<()> {
        let stored = Stored::of(scope)?;
        let flow_id = args
            .flow_id
            .or_else(|| scope.get_text("FlowId"))
            .ok_or("Field flow_id is required")?;
        let (client_id, flow_id) = (id(&args.client_id)?, id(&flow_id)?);
        let parts = stored.wait(flow_parts::read(&*stored.database, &client_id, &flow_id))?;
        for (id, part) in (1..).zip(parts) {
            rows.push(part.to_row(id))?;
        }
        Ok(())
    }
}
