//! The policy language: one YAML document, read into a checked policy.
//!
//! ```yaml
//! weir: v1                      # version of the language
//! policy: house-rules           # name, unique in the set
//! owner: privacy-office         # who answers for it
//! basis: [GDPR-32]              # why it exists; optional
//! mode: enforce                 # or shadow: decide and record, don't act
//! keep_tokens_hint: false       # tell the model to repeat pseudonyms as they are; needs a system message
//! tagger: fast                  # or unsure, accurate: who reads requests for people, places and the like
//! lists:                        # words (any case and spelling) and regular expressions
//!   codenames:
//!     words: [nightjar, blue heron]
//!     patterns: ['\bPRJ-\d{4}\b']
//!   member_number:
//!     patterns: ['\b\d{9}\b']
//!     check: luhn               # or mod97, mod11: a check digit; optional
//!     near: [member, Mitglied]  # a word within 64 bytes before it; optional
//! rules:
//!   - id: pseudonymise
//!     on: request               # request, reply or both
//!     find: [email_address, secrets, codenames] # types, groups of types, lists, token_ids
//!     callers: {teams: [retail]} # tenants, teams, apps, roles; everyone without it
//!     then: pseudonymise        # or redact, flag, block, {block: "what the caller is told"},
//!                               # {pseudonymise: {mode: surrogate}}, {redact: {mode: mask, keep_last: 4}},
//!                               # {pseudonymise: {vault: required}}: not before its values are kept
//!     on_fault: block           # or allow: when the rule can't be evaluated
//! tests:                        # a test may say who calls: {tenant, team, app, roles}
//!   - name: codenames stay here
//!     request: "What is Nightjar?"
//!     expect: {action: transformed, absent: Nightjar}
//! ```

mod list;
mod then;

use std::sync::Arc;

use weir_classifiers::{Detectors, EntityType, Group, Lexicon, Reading, TermGroup};

use crate::document::{Map, Value, nearest};
use crate::policy::{Demand, Expectation, Expected, OnFault, Policy, Rule, Stage, Target, Trial};
use crate::token_ids::TOKEN_IDS;
use crate::treatment::Audience;
use crate::{Caller, Enforcement};
use then::Then;

/// Reads one policy; `file` is kept for the reports of its tests.
pub(crate) fn policy(value: Value<'_>, file: &str) -> Option<Policy> {
    let mut map = value.map()?;
    map.required("weir", |v| v.choice(&[("v1", ())]));
    let name = map.required("policy", name);
    map.required("owner", Value::text);
    map.optional("basis", |v| v.one_or_more(Value::text));
    let mode = map.or("mode", Enforcement::Enforce, mode);
    let callers = map.or("callers", Audience::default(), audience);
    let keep_tokens_hint = map.or("keep_tokens_hint", false, Value::boolean);
    let reading = map.or("tagger", Reading::default(), |v| v.choice(&Reading::ALL));
    let lists = map.or("lists", Vec::new(), |v| {
        let names: Vec<(String, Option<TermGroup>)> = v.entries(|v| Some(list::read(v)))?;
        list::names(v, &names);
        Some(names.into_iter().map(|(name, terms)| (name, terms.unwrap_or_default())).collect())
    });
    let policy = name.clone().unwrap_or_default();
    let context = Context { file, policy, mode, callers, lists: &lists };
    let rules = map.required("rules", |v| v.list(|v| rule(v, &context)));
    let tests = map.or("tests", Vec::new(), |v| v.list(|v| trial(v, file)));
    map.finish();
    let rules = rules?;
    unique_ids(value, &rules);
    Some(Policy { name: name?, lists, rules, tests, keep_tokens_hint, reading })
}

/// What the rules of a policy refer to.
struct Context<'l> {
    file: &'l str,
    policy: String,
    mode: Enforcement,
    callers: Audience,
    lists: &'l [(String, TermGroup)],
}

fn name(value: Value<'_>) -> Option<String> {
    let name = value.text()?;
    let fits =
        name.len() <= 64 && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    if fits {
        Some(name)
    } else {
        value.expected("at most 64 letters, digits, hyphens, dots and underscores")
    }
}

fn mode(value: Value<'_>) -> Option<Enforcement> {
    value.choice(&[("enforce", Enforcement::Enforce), ("shadow", Enforcement::Shadow)])
}

fn rule(value: Value<'_>, context: &Context<'_>) -> Option<Arc<Rule>> {
    let mut map = value.map()?;
    let id = map.required("id", name);
    let stages = map.required("on", |v| v.one_or_more(stage));
    let find = map.required("find", |v| v.one_or_more(|v| targets(v, context))).map(|all| all.concat());
    let callers = map.or("callers", Audience::default(), audience);
    let kinds: Vec<String> = find.iter().flatten().filter_map(|target| kind(target, context)).collect();
    let then = map.required("then", |v| then::read(v, &kinds));
    let on_fault = map.or("on_fault", OnFault::Block, |v| {
        v.choice(&[("block", OnFault::Block), ("allow", OnFault::Allow)])
    });
    if let (Some(stages), Some(find)) = (&stages, &find) {
        if stages.contains(&Stage::Reply) {
            reply_limits(&mut map, find, context);
        }
        if find.contains(&Target::TokenIds) {
            token_limits(&mut map, stages, then.as_ref());
        }
    }
    map.finish();
    let Then { action, treatment, message, demand } = then?;
    if let Some(spot) = &demand {
        if on_fault == OnFault::Allow {
            value.problem_at(
                spot,
                "`vault: required` refuses calls, so it goes without `on_fault: allow`",
                None,
            );
        }
        if stages.as_ref().is_some_and(|stages| !stages.contains(&Stage::Request)) {
            value.problem_at(
                spot,
                "values of replies are not kept; `vault` belongs to rules on requests",
                None,
            );
        }
    }
    let demand = demand.map(|spot| Demand { file: context.file.to_owned(), spot });
    Some(Arc::new(Rule {
        policy: context.policy.clone(),
        id: id?,
        stages: stages?,
        find: find?,
        action,
        treatment,
        callers: vec![context.callers.clone(), callers],
        message,
        mode: context.mode,
        on_fault,
        demand,
    }))
}

/// What can't be searched in a reply that arrives in pieces.
fn reply_limits(map: &mut Map<'_>, find: &[Target], context: &Context<'_>) {
    let Some(value) = map.get("find") else { return };
    for target in find {
        let Target::List(index) = target else { continue };
        let Some((name, terms)) = context.lists.get(*index) else { continue };
        let bounded = Lexicon::new(std::slice::from_ref(terms)).is_ok_and(|lexicon| lexicon.is_bounded());
        if !bounded {
            value.problem(format!(
                "list `{name}` has a pattern without an upper length, which replies need; \
                 write {{1,64}} instead of + or *"
            ));
        }
    }
}

/// What can be done about input that can't be read.
fn token_limits(map: &mut Map<'_>, stages: &[Stage], then: Option<&Then>) {
    let Some(value) = map.get("find") else { return };
    if stages.contains(&Stage::Reply) {
        value.problem("`token_ids` come in requests only; give them a rule of their own");
    }
    if then.is_some_and(|then| then.action.replaces()) {
        value
            .problem("`token_ids` can't be read, so nothing in them can be replaced; `flag` or `block` them");
    }
}

fn stage(value: Value<'_>) -> Option<Stage> {
    value.choice(&[("request", Stage::Request), ("reply", Stage::Reply)])
}

/// What a name in `find` stands for: a type, the detected types of a group, or a list.
fn targets(value: Value<'_>, context: &Context<'_>) -> Option<Vec<Target>> {
    let name = value.text()?;
    if name == TOKEN_IDS {
        return Some(vec![Target::TokenIds]);
    }
    if let Some(entity) = EntityType::parse(&name) {
        if !Detectors::detects(entity) {
            return value.expected("a type that a detector finds; none that runs finds this one");
        }
        return Some(vec![Target::Entity(entity)]);
    }
    if let Some(index) = context.lists.iter().position(|(list, _)| *list == name) {
        return Some(vec![Target::List(index)]);
    }
    // A list of the policy's own comes before a group of its name.
    if let Some(group) = Group::parse(&name) {
        let types = group.types().into_iter().filter(|entity| Detectors::detects(*entity));
        return Some(types.map(Target::Entity).collect());
    }
    let types: Vec<String> = EntityType::ALL.iter().map(|entity| entity.name().to_lowercase()).collect();
    let groups = Group::ALL.iter().map(|group| group.name());
    let lists = context.lists.iter().map(|(list, _)| list.as_str());
    value.problem_suggesting(
        "no such type, group or list",
        nearest(&name, types.iter().map(String::as_str).chain(groups).chain(lists)),
    );
    None
}

/// The name that pseudonyms of a target have.
fn kind(target: &Target, context: &Context<'_>) -> Option<String> {
    match target {
        Target::Entity(entity) => Some(entity.name().to_owned()),
        Target::List(index) => context.lists.get(*index).map(|(name, _)| name.to_ascii_uppercase()),
        Target::TokenIds => None,
    }
}

fn audience(value: Value<'_>) -> Option<Audience> {
    let mut map = value.map()?;
    let mut names = |key| map.or(key, Vec::new(), |v| v.one_or_more(Value::text));
    let audience = Audience {
        tenants: names("tenants"),
        teams: names("teams"),
        apps: names("apps"),
        roles: names("roles"),
    };
    map.finish();
    if audience.is_everyone() {
        value.problem("name at least one of tenants, teams, apps and roles");
    }
    Some(audience)
}

/// Who calls in a test.
fn caller(value: Value<'_>) -> Option<Caller> {
    let mut map = value.map()?;
    let caller = Caller {
        tenant: map.or("tenant", String::new(), Value::text),
        team: map.optional("team", Value::text),
        app: map.optional("app", Value::text),
        roles: map.or("roles", Vec::new(), |v| v.one_or_more(Value::text)),
        ..Caller::default()
    };
    map.finish();
    Some(caller)
}

fn trial(value: Value<'_>, file: &str) -> Option<Trial> {
    let mut map = value.map()?;
    let name = map.required("name", Value::text);
    let request = map.optional("request", Value::string);
    let reply = map.optional("reply", Value::string);
    let caller = map.or("caller", Caller::default(), caller);
    let expect = map.required("expect", expectation);
    map.finish();
    if request.is_none() && reply.is_none() {
        value.problem("a test needs `request`, `reply` or both");
    }
    Some(Trial {
        name: name?,
        spot: value.spot().clone(),
        file: file.to_owned(),
        request,
        reply,
        caller,
        expect: expect?,
    })
}

fn expectation(value: Value<'_>) -> Option<Expectation> {
    let mut map = value.map()?;
    let action = map.optional("action", |v| {
        v.choice(&[
            ("allowed", Expected::Allowed),
            ("flagged", Expected::Flagged),
            ("transformed", Expected::Transformed),
            ("blocked", Expected::Blocked),
        ])
    });
    let absent = map.or("absent", Vec::new(), |v| v.one_or_more(Value::string));
    let present = map.or("present", Vec::new(), |v| v.one_or_more(Value::string));
    map.finish();
    if action.is_none() && absent.is_empty() && present.is_empty() {
        value.problem("a test that expects nothing can't fail");
    }
    Some(Expectation { action, absent, present })
}

fn unique_ids(value: Value<'_>, rules: &[Arc<Rule>]) {
    for (index, rule) in rules.iter().enumerate() {
        if rules.iter().take(index).any(|earlier| earlier.id == rule.id) {
            value.problem(format!("rule id `{}` stands here a second time", rule.id));
        }
    }
}
