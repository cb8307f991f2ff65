//! Tool definitions, tool choice and JSON Schema. None of their texts is prose: a control that adds a sentence
//! to the instructions must not find one here.

use weir_policies::slot::{Kind, Role};

use super::parts::{BLOB, CACHE, CLOSED, CODE, NAME, PLACE, REFERENCE};
use super::{Keys, Leaf, Scope, Shape, Why};

/// Values inside a schema: defaults, enums, examples, patterns.
static SCHEMA_TEXT: Shape = Shape { other: Some(&SCHEMA_TEXT), ..Shape::text(Kind::Schema) };

/// Named subschemas: the names are the user's.
static PROPERTIES: Shape =
    Shape { other: Some(&SCHEMA), keys: Keys::Text(Kind::Schema), ..Shape::leaf(Leaf::Text(Kind::Schema)) };

/// A JSON Schema (draft 2020-12 keywords, and `definitions` of older drafts).
pub static SCHEMA: Shape = Shape { other: Some(&SCHEMA_TEXT), ..Shape::text(Kind::Schema) }.fields(&[
    ("type", &CLOSED),
    ("format", &CLOSED),
    ("properties", &PROPERTIES),
    ("patternProperties", &PROPERTIES),
    ("dependentSchemas", &PROPERTIES),
    ("$defs", &PROPERTIES),
    ("definitions", &PROPERTIES),
    ("items", &SCHEMA),
    ("prefixItems", &SCHEMA),
    ("additionalProperties", &SCHEMA),
    ("unevaluatedProperties", &SCHEMA),
    ("propertyNames", &SCHEMA),
    ("contains", &SCHEMA),
    ("anyOf", &SCHEMA),
    ("oneOf", &SCHEMA),
    ("allOf", &SCHEMA),
    ("not", &SCHEMA),
    ("if", &SCHEMA),
    ("then", &SCHEMA),
    ("else", &SCHEMA),
    ("required", &SCHEMA_TEXT),
    ("description", &SCHEMA_TEXT),
    ("title", &SCHEMA_TEXT),
    ("default", &SCHEMA_TEXT),
    ("const", &SCHEMA_TEXT),
    ("enum", &SCHEMA_TEXT),
    ("examples", &SCHEMA_TEXT),
    ("pattern", &SCHEMA_TEXT),
    ("$ref", &SCHEMA_TEXT),
    ("$schema", &SCHEMA_TEXT),
    ("$id", &SCHEMA_TEXT),
    ("minimum", &CLOSED),
    ("maximum", &CLOSED),
    ("minLength", &CLOSED),
    ("maxLength", &CLOSED),
    ("minItems", &CLOSED),
    ("maxItems", &CLOSED),
    ("strict", &CLOSED),
]);

/// What a custom tool accepts, or what a reply must look like.
pub static FORMAT: Shape = Shape::leaf(Leaf::Skip(Why::Closed))
    .others(&SCHEMA_TEXT)
    .fields(&[
        ("type", &CLOSED),
        ("name", &NAME),
        ("description", &SCHEMA_TEXT),
        ("strict", &CLOSED),
        ("schema", &SCHEMA),
        ("json_schema", &FORMAT),
        ("syntax", &CLOSED),
        ("definition", &CODE),
        ("grammar", &FORMAT),
    ])
    .scope(Scope::As(Role::System));

/// Tool definitions: Chat nests them under `function` or `custom`, Responses does not.
pub static TOOL: Shape = Shape::text(Kind::Schema)
    .others(&SCHEMA_TEXT)
    .fields(&[
        ("type", &CLOSED),
        ("function", &TOOL),
        ("custom", &TOOL),
        ("name", &NAME),
        ("description", &SCHEMA_TEXT),
        ("parameters", &SCHEMA),
        ("input_schema", &SCHEMA),
        ("output_schema", &SCHEMA),
        ("strict", &CLOSED),
        ("format", &FORMAT),
        ("tools", &TOOL),
        ("allowed_callers", &CLOSED),
        ("allowed_tools", &TOOL_NAMES),
        ("require_approval", &APPROVAL),
        ("authorization", &NAME),
        ("headers", &SCHEMA_TEXT),
        ("server_description", &SCHEMA_TEXT),
        ("server_label", &NAME),
        ("server_url", &NAME),
        ("connector_id", &CLOSED),
        ("tunnel_id", &REFERENCE),
        ("vector_store_ids", &REFERENCE),
        ("filters", &FILTERS),
        ("ranking_options", &RANKING),
        ("user_location", &PLACE),
        ("container", &CONTAINER),
        ("environment", &CONTAINER),
        ("search_context_size", &CLOSED),
        ("search_content_types", &CLOSED),
        ("action", &CLOSED),
        ("background", &CLOSED),
        ("complexity", &CLOSED),
        ("execution", &CLOSED),
        ("input_fidelity", &CLOSED),
        ("input_image_mask", &MASK),
        ("model", &REFERENCE),
        ("moderation", &CLOSED),
        ("output_format", &CLOSED),
        ("quality", &CLOSED),
        ("size", &CLOSED),
        ("svg", &SVG),
        ("cache_control", &CACHE),
    ])
    .scope(Scope::As(Role::System));

/// Which tool must or may be called.
pub static CHOICE_OF_TOOL: Shape = Shape::leaf(Leaf::Skip(Why::Closed)).others(&SCHEMA_TEXT).fields(&[
    ("type", &CLOSED),
    ("mode", &CLOSED),
    ("name", &NAME),
    ("server_label", &NAME),
    ("function", &CHOICE_OF_TOOL),
    ("custom", &CHOICE_OF_TOOL),
    ("allowed_tools", &CHOICE_OF_TOOL),
    ("tools", &TOOL),
]);

static TOOL_NAMES: Shape = Shape::text(Kind::Identifier).fields(&[("tool_names", &NAME)]);
static APPROVAL: Shape = Shape::leaf(Leaf::Skip(Why::Closed))
    .others(&SCHEMA_TEXT)
    .fields(&[("always", &TOOL_NAMES), ("never", &TOOL_NAMES)]);
static FILTERS: Shape = Shape::text(Kind::Schema).others(&SCHEMA_TEXT).fields(&[
    ("type", &CLOSED),
    ("key", &NAME),
    ("value", &SCHEMA_TEXT),
    ("filters", &FILTERS),
    ("allowed_domains", &NAME),
]);
static RANKING: Shape = Shape::text(Kind::Schema)
    .others(&SCHEMA_TEXT)
    .fields(&[("ranker", &CLOSED), ("score_threshold", &CLOSED)]);
static MASK: Shape =
    Shape::text(Kind::Schema).others(&SCHEMA_TEXT).fields(&[("file_id", &REFERENCE), ("image_url", &BLOB)]);
static SVG: Shape = Shape::text(Kind::Schema).others(&SCHEMA_TEXT).fields(&[
    ("model", &REFERENCE),
    ("reasoning", &Shape::text(Kind::Schema).others(&SCHEMA_TEXT).fields(&[("effort", &CLOSED)])),
]);
static SOURCE: Shape = Shape::text(Kind::Schema).others(&SCHEMA_TEXT).fields(&[
    ("type", &CLOSED),
    ("data", &BLOB),
    ("media_type", &CLOSED),
]);
static SKILL: Shape = Shape::text(Kind::Schema).others(&SCHEMA_TEXT).fields(&[
    ("type", &CLOSED),
    ("skill_id", &REFERENCE),
    ("version", &CLOSED),
    ("name", &NAME),
    ("description", &SCHEMA_TEXT),
    ("path", &NAME),
    ("source", &SOURCE),
]);

/// Where a tool runs.
pub static CONTAINER: Shape = Shape::leaf(Leaf::Skip(Why::Reference)).others(&SCHEMA_TEXT).fields(&[
    ("type", &CLOSED),
    ("container_id", &REFERENCE),
    ("file_ids", &REFERENCE),
    ("memory_limit", &CLOSED),
    ("network_policy", &NETWORK),
    ("skills", &SKILL),
]);
static NETWORK: Shape = Shape::text(Kind::Schema).others(&SCHEMA_TEXT).fields(&[
    ("type", &CLOSED),
    ("allowed_domains", &NAME),
    (
        "domain_secrets",
        &Shape::text(Kind::Schema).others(&SCHEMA_TEXT).fields(&[
            ("domain", &NAME),
            ("name", &NAME),
            ("value", &SCHEMA_TEXT),
        ]),
    ),
]);
