//! Layout of expressions, calls and lists.

use crate::ast::{
    AccessStep, Arg, ArgValue, ArithmeticOp, Comment, CompareOp, Expr, ExprKind, List, LogicOp, Name, Number,
    Select, Symbol,
};

use super::Renderer;
use super::statement::dotted;

impl Renderer {
    pub(crate) fn expr(&mut self, expr: &Expr) {
        self.comment_lines(&expr.comments);
        match &expr.kind {
            ExprKind::And(first, rest) => self.conjunction(first, rest),
            ExprKind::Or(first, rest) => {
                self.expr(first);
                for (op, operand) in rest {
                    self.operator(&op.source);
                    self.expr(operand);
                }
            }
            ExprKind::Not(operand) => {
                self.push("NOT ");
                self.expr(operand);
            }
            ExprKind::Compare(left, op, right) => {
                self.expr(left);
                self.operator(compare_op(*op));
                self.expr(right);
            }
            ExprKind::Arithmetic(first, rest) => {
                self.expr(first);
                for (op, operand) in rest {
                    self.operator(arithmetic_op(*op));
                    self.expr(operand);
                }
            }
            ExprKind::Access(base, steps) => {
                self.expr(base);
                for step in steps {
                    self.access(step);
                }
            }
            ExprKind::Symbol(symbol) => self.symbol(symbol),
            ExprKind::Paren(list) => {
                self.push("(");
                self.deepen();
                self.list(list);
                self.push(")");
                self.drop_indent();
            }
            ExprKind::Str(literal) => self.push(&literal.source),
            ExprKind::Number(literal) => self.push(&number(literal.value)),
            ExprKind::Bool { source, .. } => self.push(source),
            ExprKind::Null => self.push("NULL"),
        }
    }

    fn operator(&mut self, op: &str) {
        self.push(" ");
        self.push(op);
        self.push(" ");
    }

    /// Each AND starts a line, aligned with the operand before it.
    fn conjunction(&mut self, first: &Expr, rest: &[(LogicOp, Expr)]) {
        self.expr(first);
        for (op, operand) in rest {
            self.line_break();
            self.operator(&op.source);
            self.mark();
            self.expr(operand);
        }
        for _ in rest {
            self.drop_indent();
        }
    }

    fn access(&mut self, step: &AccessStep) {
        match step {
            AccessStep::Member(name) => {
                self.push(".");
                self.push(&name.source);
            }
            AccessStep::Index(index) => {
                self.push("[");
                self.optional(index.as_ref());
                self.push("]");
            }
            AccessStep::Slice(low, high) => {
                self.push("[");
                self.optional(low.as_ref());
                self.push(":");
                self.optional(high.as_ref());
                self.push("]");
            }
        }
    }

    fn optional(&mut self, expr: Option<&Expr>) {
        if let Some(expr) = expr {
            self.expr(expr);
        }
    }

    fn symbol(&mut self, symbol: &Symbol) {
        let is_far = self.cursor.column > self.threshold;
        if is_far {
            self.deepen();
            self.line_break();
        }
        let name = dotted(&symbol.path);
        self.push(&if symbol.negated { format!("-{name}") } else { name });
        if let Some(args) = &symbol.args {
            self.arguments(args);
        }
        if is_far {
            self.drop_indent();
        }
    }

    /// On one line, aligned with the opening parenthesis, or indented on separate lines.
    pub(super) fn arguments(&mut self, args: &[Arg]) {
        if args.is_empty() {
            return self.push("()");
        }
        let one_line: &dyn Fn(&mut Self) = &|r| {
            r.cursor.one_line = true;
            r.push("(");
            r.argument_lines(args);
            r.push(")");
        };
        let under_parenthesis: &dyn Fn(&mut Self) = &|r| {
            r.push("(");
            r.mark();
            r.argument_lines(args);
            r.push(")");
            r.drop_indent();
        };
        let indented: &dyn Fn(&mut Self) = &|r| {
            r.push("(");
            r.deepen();
            r.line_break();
            r.argument_lines(args);
            r.push(")");
            r.drop_indent();
        };
        self.choose(&[one_line, under_parenthesis, indented]);
    }

    fn argument_lines(&mut self, args: &[Arg]) {
        for (index, arg) in args.iter().enumerate() {
            if index > 0 {
                self.push(", ");
                self.line_break();
            }
            self.named_value(&arg.comments, &arg.name, &arg.value);
        }
    }

    /// An argument, or a parameter with its default.
    pub(super) fn named_value(&mut self, comments: &[Comment], name: &Name, value: &ArgValue) {
        if self.cursor.column > self.threshold {
            self.line_break();
        }
        if self.comments && !comments.is_empty() {
            self.cursor.one_line = false;
            self.comment_lines(comments);
        }
        self.push(&name.source);
        match value {
            ArgValue::Expr(expr) => {
                self.push("=");
                self.expr(expr);
            }
            ArgValue::Array(None) => self.push("=[]"),
            ArgValue::Array(Some(list)) => {
                self.push("=[");
                self.list(list);
                self.push("]");
            }
            ArgValue::Query(select) => self.argument_query(select),
        }
    }

    fn argument_query(&mut self, select: &Select) {
        self.push("=");
        self.push("{");
        if self.cursor.one_line {
            self.push(" ");
            self.select(select);
            self.push(" }");
            return;
        }
        self.fresh(2);
        self.deepen();
        self.push("  ");
        self.select(select);
        self.drop_indent();
        self.line_break();
        self.push("}");
        self.drop_indent();
    }

    pub(super) fn list(&mut self, list: &List) {
        for (index, item) in list.items.iter().enumerate() {
            if index > 0 {
                self.push(", ");
            }
            self.expr(item);
        }
        if list.trailing_comma {
            self.push(", ");
            self.comment_lines(&list.trailing_comments);
        }
    }
}

fn compare_op(op: CompareOp) -> &'static str {
    match op {
        CompareOp::Eq => "=",
        CompareOp::Ne => "!=",
        CompareOp::LtGt => "<>",
        CompareOp::Lt => "<",
        CompareOp::Le => "<=",
        CompareOp::Gt => ">",
        CompareOp::Ge => ">=",
        CompareOp::In => "IN",
        CompareOp::Match => "=~",
    }
}

fn arithmetic_op(op: ArithmeticOp) -> &'static str {
    match op {
        ArithmeticOp::Add => "+",
        ArithmeticOp::Sub => "-",
        ArithmeticOp::Mul => "*",
        ArithmeticOp::Div => "/",
    }
}

/// Decimal digits; for floats the shortest that read back the same, always with a point and never with an
/// exponent.
fn number(value: Number) -> String {
    match value {
        Number::Int(value) => value.to_string(),
        Number::Float(value) => {
            let digits = value.to_string();
            if digits.contains('.') {
                digits
            } else {
                digits + ".0"
            }
        }
        Number::Unparsable => "FALSE".to_owned(),
    }
}
