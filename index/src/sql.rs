//! Questions as SQL that SQLite and PostgreSQL both understand, with one index chosen to drive each.

use weir_audit::Decision;

use crate::batch::{LABEL, MODEL, RULE};
use crate::error::IndexError;
use crate::query::{EventQuery, MAX_IDS, Paged, Query, Scope};
use crate::row::{CallRow, EventRow};
use crate::value::{Row, Value};

/// A statement, and its parameters in the order they stand in it.
pub(crate) struct Sql {
    pub(crate) text: String,
    pub(crate) params: Vec<Value<'static>>,
    dialect: Dialect,
}

/// Which database a statement is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}

/// What finds the rows, in their order; everything else is looked at row by row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Driver {
    /// The table of terms.
    Term(&'static str),
    /// An index of the calls that begins with this column.
    Column(&'static str),
}

/// The calls of a page, and one more.
pub(crate) fn page(query: &Query, dialect: Dialect) -> Result<Sql, IndexError> {
    let columns: Vec<_> = CallRow::columns().map(|(name, _)| format!("c.{name}")).collect();
    let mut sql = Sql::new(dialect, format!("SELECT {} ", columns.join(", ")));
    let table = sql.matching(query)?;
    if let Some(after) = query.place()? {
        sql.behind(table, &after);
    }
    sql.newest(table, query.most());
    Ok(sql)
}

/// Counts and sums by state and decision. Money is added in two parts, since the whole may be more than 64 bits hold.
pub(crate) fn totals(query: &Query, dialect: Dialect) -> Result<Sql, IndexError> {
    let sum = |what: &str| format!("CAST(COALESCE(SUM({what}), 0) AS BIGINT)");
    let columns = [
        "c.state".to_owned(),
        "c.decision".to_owned(),
        "COUNT(*)".to_owned(),
        "COUNT(c.cost_pico)".to_owned(),
        sum("c.cost_pico / 1000000"),
        sum("c.cost_pico % 1000000"),
        sum("c.input_tokens"),
        sum("c.output_tokens"),
    ];
    let mut sql = Sql::new(dialect, format!("SELECT {} ", columns.join(", ")));
    sql.matching(query)?;
    sql.text.push_str(" GROUP BY c.state, c.decision ORDER BY c.state, c.decision");
    Ok(sql)
}

/// The events of a page, and one more.
pub(crate) fn events(query: &EventQuery, dialect: Dialect) -> Result<Sql, IndexError> {
    let columns: Vec<_> = EventRow::COLUMNS.iter().map(|(name, _)| format!("c.{name}")).collect();
    let mut sql = Sql::new(dialect, format!("SELECT {} FROM events c WHERE 1 = 1", columns.join(", ")));
    sql.in_scope(&query.scope, "c.tenant");
    sql.compare("c.time_us >=", query.since.map(|it| Value::Int(it.0)));
    sql.compare("c.time_us <", query.until.map(|it| Value::Int(it.0)));
    sql.compare("c.kind =", query.kind.clone().map(text));
    sql.compare("c.actor =", query.actor.clone().map(text));
    sql.compare("c.call_id =", query.call.map(Value::Id));
    if let Some(after) = query.place()? {
        sql.behind("c", &after);
    }
    sql.newest("c", query.most());
    Ok(sql)
}

/// For each lane, its watermark's counts beside those of the rows.
pub(crate) fn completeness(dialect: Dialect) -> Sql {
    let own = "w.source = c.source AND w.lane = c.lane";
    let text = format!(
        "SELECT w.source, w.lane, w.seq, w.intents, w.completions, w.abandoned, w.orphans, \
         (SELECT COUNT(*) FROM calls c WHERE {own} AND c.state = 'open' AND c.state <> 'completed'), \
         (SELECT COUNT(*) FROM calls c WHERE {own}), w.pruned, w.skipped FROM watermarks w ORDER BY w.source, w.lane"
    );
    Sql::new(dialect, text)
}

fn text(text: String) -> Value<'static> {
    Value::Text(text.into())
}

impl Query {
    /// The index that finds fewest rows, as far as can be said without looking.
    fn driver(&self) -> Driver {
        let is_rare_decision = matches!(self.decision, Some(Decision::Blocked | Decision::Flagged));
        let is_rare_state = self.state.is_some_and(|it| it.as_str() != "completed");
        let candidates = [
            (self.ids.is_some(), Driver::Column("record_id")),
            (self.subject_ref.is_some(), Driver::Column("subject_ref")),
            (is_rare_state, Driver::Column("state")),
            (self.review.is_some(), Driver::Column("review")),
            (self.rule.is_some(), Driver::Term(RULE)),
            (self.label.is_some(), Driver::Term(LABEL)),
            (is_rare_decision, Driver::Column("decision")),
            (self.status.is_some_and(|it| it >= 400), Driver::Column("status")),
            (self.caller.is_some(), Driver::Column("key_id")),
            (self.app.is_some(), Driver::Column("app")),
            // Where personal data is masked, many calls are.
            (self.decision == Some(Decision::Transformed), Driver::Column("decision")),
            (self.model.is_some(), Driver::Term(MODEL)),
            (self.tenant.is_some() || self.scope != Scope::All, Driver::Column("tenant")),
            (self.upstream.is_some(), Driver::Column("upstream")),
        ];
        let first = candidates.into_iter().find(|(is_asked, _)| *is_asked);
        first.map_or(Driver::Column("time_us"), |(_, driver)| driver)
    }
}

impl Sql {
    fn new(dialect: Dialect, text: String) -> Self {
        Self { text, params: Vec::new(), dialect }
    }

    /// Appends a place for `value`.
    fn bind(&mut self, value: Value<'static>) {
        self.params.push(value);
        let number = self.params.len();
        self.push(format_args!(" ${number}"));
    }

    fn push(&mut self, text: std::fmt::Arguments<'_>) {
        self.text.push_str(&std::fmt::format(text));
    }

    /// Appends a condition where there is a value to compare with.
    fn compare(&mut self, left: &str, value: Option<Value<'static>>) {
        if let Some(value) = value {
            self.push(format_args!(" AND {left}"));
            self.bind(value);
        }
    }

    fn in_scope(&mut self, scope: &Scope, column: &str) {
        match scope {
            Scope::All => {}
            Scope::None => self.text.push_str(" AND 1 = 0"),
            Scope::Tenant(tenant) => self.compare(&format!("{column} ="), Some(text(tenant.clone()))),
        }
    }

    /// Appends where the rows come from and what they must match; the table whose order is that of the rows.
    fn matching(&mut self, query: &Query) -> Result<&'static str, IndexError> {
        let driver = query.driver();
        let table = if let Driver::Term(_) = driver { "t" } else { "c" };
        self.text.push_str(match (driver, self.dialect) {
            // Both ways keep the order of the terms: without, the databases may read all terms, and sort.
            (Driver::Term(_), Dialect::Sqlite) => {
                "FROM terms t CROSS JOIN calls c WHERE c.record_id = t.record_id AND c.time_us = t.time_us"
            }
            (Driver::Term(_), Dialect::Postgres) => {
                "FROM terms t CROSS JOIN LATERAL (SELECT * FROM calls own \
                 WHERE own.time_us = t.time_us AND own.record_id = t.record_id LIMIT 1) c WHERE 1 = 1"
            }
            (Driver::Column(_), _) => "FROM calls c WHERE 1 = 1",
        });
        self.compare(&format!("{table}.time_us >="), query.since.map(|it| Value::Int(it.0)));
        self.compare(&format!("{table}.time_us <"), query.until.map(|it| Value::Int(it.0)));
        self.columns(query, driver);
        self.ids(query)?;
        let terms = [(RULE, &query.rule), (LABEL, &query.label), (MODEL, &query.model)];
        for (kind, value) in terms.into_iter().filter_map(|(kind, value)| Some((kind, value.clone()?))) {
            self.term(kind, value, driver);
        }
        Ok(table)
    }

    fn columns(&mut self, query: &Query, driver: Driver) {
        let text = |value: &Option<String>| value.clone().map(text);
        self.in_scope(&query.scope, &self.name("tenant", driver));
        self.equals("tenant", text(&query.tenant), driver);
        self.equals("app", text(&query.app), driver);
        self.equals("key_id", text(&query.caller), driver);
        self.equals("subject_ref", text(&query.subject_ref), driver);
        self.equals("upstream", text(&query.upstream), driver);
        self.equals("review", text(&query.review), driver);
        // The second condition is that of a partial index.
        if driver == Driver::Column("decision") {
            self.text.push_str(" AND c.decision <> 'allow'");
        }
        self.equals("decision", query.decision.map(|it| Value::Text(it.as_str().into())), driver);
        if driver == Driver::Column("state") {
            self.text.push_str(" AND c.state <> 'completed'");
        }
        self.equals("state", query.state.map(|it| Value::Text(it.as_str().into())), driver);
        if driver == Driver::Column("status") {
            self.text.push_str(" AND c.status >= 400");
        }
        self.equals("status", query.status.map(|it| Value::Int(i64::from(it))), driver);
        self.compare("c.cost_pico >=", query.min_cost.map(|it| Value::Int(it.0)));
        self.compare("c.cost_pico <=", query.max_cost.map(|it| Value::Int(it.0)));
    }

    fn equals(&mut self, column: &'static str, value: Option<Value<'static>>, driver: Driver) {
        let name = self.name(column, driver);
        self.compare(&format!("{name} ="), value);
    }

    /// The column; in SQLite marked, unless it is the driver, so that no other index is chosen. PostgreSQL knows how
    /// often each value occurs and chooses well by itself.
    fn name(&self, column: &'static str, driver: Driver) -> String {
        if let (Driver::Term(_), "tenant") = (driver, column) {
            // It stands with the term, so that other tenants' calls need not be looked up.
            return "t.tenant".to_owned();
        }
        let is_plain = self.dialect == Dialect::Postgres || driver == Driver::Column(column);
        format!("{}c.{column}", if is_plain { "" } else { "+" })
    }

    fn ids(&mut self, query: &Query) -> Result<(), IndexError> {
        let Some(ids) = &query.ids else { return Ok(()) };
        if ids.len() > MAX_IDS {
            return Err(IndexError::TooManyIds { max: MAX_IDS });
        }
        if ids.is_empty() {
            self.text.push_str(" AND 1 = 0");
            return Ok(());
        }
        self.text.push_str(" AND c.record_id IN (");
        for (index, id) in ids.iter().enumerate() {
            self.text.push_str(if index == 0 { "" } else { "," });
            self.bind(Value::Id(*id));
        }
        self.text.push(')');
        Ok(())
    }

    fn term(&mut self, kind: &'static str, value: String, driver: Driver) {
        if driver == Driver::Term(kind) {
            self.push(format_args!(" AND t.kind = '{kind}' AND t.value ="));
            self.bind(text(value));
            return;
        }
        self.push(format_args!(
            " AND EXISTS (SELECT 1 FROM terms x WHERE x.kind = '{kind}' AND x.time_us = c.time_us \
             AND x.record_id = c.record_id AND x.value ="
        ));
        self.bind(text(value));
        self.text.push(')');
    }

    /// Goes on behind a row. The condition on the time alone lets PostgreSQL leave out whole partitions.
    fn behind(&mut self, table: &str, after: &crate::query::Cursor) {
        self.compare(&format!("{table}.time_us <="), Some(Value::Int(after.time.0)));
        self.push(format_args!(" AND ({table}.time_us, {table}.record_id) < ("));
        self.bind(Value::Int(after.time.0));
        self.text.push(',');
        self.bind(Value::Id(after.id));
        self.text.push(')');
    }

    fn newest(&mut self, table: &str, most: usize) {
        let rows = most + 1;
        self.push(format_args!(" ORDER BY {table}.time_us DESC, {table}.record_id DESC LIMIT {rows}"));
    }
}
