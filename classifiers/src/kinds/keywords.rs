//! Private keys, web tokens, connection strings, and values that only a keyword tells.

use super::{Kind, Trigger};
use crate::EntityType::{SecretConnectionString, SecretJwt, SecretPassword, SecretPrivateKey, SecretToken};
use crate::check;

/// Schemes of addresses that may hold a password.
const SCHEMES: &[&str] = &[
    "postgres://",
    "postgresql://",
    "mysql://",
    "mariadb://",
    "mssql://",
    "sqlserver://",
    "oracle://",
    "mongodb://",
    "mongodb+srv://",
    "redis://",
    "rediss://",
    "amqp://",
    "amqps://",
    "nats://",
    "kafka://",
    "clickhouse://",
    "cockroachdb://",
    "snowflake://",
    "neo4j://",
    "neo4j+s://",
    "bolt://",
    "couchbase://",
    "ldap://",
    "ldaps://",
    "smtp://",
    "smtps://",
    "imap://",
    "ftp://",
    "ftps://",
    "sftp://",
    "ssh://",
    "mqtt://",
    "mqtts://",
    "http://",
    "https://",
    "git+https://",
    "socks5://",
    "rtsp://",
    "postgresql+psycopg2://",
    "postgresql+asyncpg://",
    "mysql+pymysql://",
];

pub(super) const KINDS: &[Kind] = &[
    Kind::shape(SecretPrivateKey, "private key in PEM", r"-----BEGIN [A-Z0-9 ]{0,20}PRIVATE KEY(?: BLOCK)?-----(?:[A-Za-z0-9+/=\s\\:,.-]{16,20000}?-----END [A-Z0-9 ]{0,20}PRIVATE KEY(?: BLOCK)?-----|(?:\\n|\\r|[A-Za-z0-9+/=\s]){40,20000})")
        .on(Trigger::Prefix(&["-----BEGIN "]))
        .must(check::private_key)
        .score(0.99)
        .sample("-----BEGIN PRIVATE KEY-----\n{s64}\n{s64}\n-----END PRIVATE KEY-----"),
    Kind::shape(SecretPrivateKey, "encrypted private key in PEM", r"-----BEGIN [A-Z0-9 ]{0,20}PRIVATE KEY-----[\s\\nr]{1,6}Proc-Type: ?4,ENCRYPTED[\s\\nr]{1,6}DEK-Info: ?[A-Za-z0-9,-]{1,80}[A-Za-z0-9+/=\s\\]{40,16000}")
        .on(Trigger::Prefix(&["-----BEGIN "]))
        .must(check::private_key)
        .score(0.98)
        .sample("-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,{x32}\n\n{s64}\n{s64}\n-----END RSA PRIVATE KEY-----"),
    Kind::shape(SecretPrivateKey, "age secret key", r"AGE-SECRET-KEY-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}")
        .on(Trigger::Prefix(&["AGE-SECRET-KEY-1"]))
        .must(check::entropic)
        .score(0.99)
        .sample("AGE-SECRET-KEY-1{q58}"),
    Kind::shape(SecretPrivateKey, "PuTTY private key", r"PuTTY-User-Key-File-\d: [\s\S]{20,8000}?Private-MAC: [a-f0-9]{40,64}")
        .on(Trigger::Prefix(&["PuTTY-User-Key-File-"]))
        .must(check::signed)
        .score(0.99)
        .sample("PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\nPrivate-Lines: 1\n{s44}\nPrivate-MAC: {x64}"),
    Kind::label(SecretPrivateKey, "private key behind a label", r"(?:0x)?[a-fA-F0-9]{64}\b|[A-Za-z0-9+/]{43}=")
        .must(check::random)
        .score(0.95)
        .words(&["private key", "privkey", "secret key hex", "preshared key", "presharedkey", "wallet key", "signing key", "eth private key"])
        .sample("PrivateKey = {s43}="),
    Kind::shape(SecretJwt, "JSON Web Token", r"eyJ[A-Za-z0-9_-]{8,4000}\.eyJ[A-Za-z0-9_-]{8,8000}\.[A-Za-z0-9_-]{10,2000}")
        .on(Trigger::Prefix(&["eyJ"]))
        .must(check::web_token)
        .score(0.98)
        .sample("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI0MiJ9{b4}.{b43}"),
    Kind::shape(SecretConnectionString, "address with a password", r#"[a-z0-9+]{2,24}://[^\s:/@"'<>`\\]{0,64}:[^\s@"'<>`\\/]{1,200}@[A-Za-z0-9\[][A-Za-z0-9._:\]-]{1,200}(?:/[^\s"'<>`\\)]{0,300})?"#)
        .on(Trigger::Prefix(SCHEMES))
        .must(check::connection)
        .score(0.95)
        .sample("postgres://app:{a14}@db.internal:5432/orders"),
    Kind::shape(SecretToken, "basic credentials", r"Basic [A-Za-z0-9+/]{8,200}={0,2}")
        .on(Trigger::Prefix(&["Basic "]))
        .must(check::basic)
        .score(0.95)
        .sample("Authorization: Basic c2VydmljZTpzM2NyM3RwNHNz"),
    Kind::shape(SecretToken, "bearer token", r"Bearer [A-Za-z0-9._~+/-]{20,4000}={0,2}")
        .on(Trigger::Prefix(&["Bearer "]))
        .must(check::bearer)
        .score(0.85)
        .sample("Authorization: Bearer {a40}"),
    Kind::label(SecretPassword, "password in quotes", r#""[^"\s\\]{6,128}"|'[^'\s\\]{6,128}'|\\"[^"\s\\]{6,128}\\""#)
        .on(Trigger::Label)
        .must(check::password)
        .score(0.85)
        .words(PASSWORDS)
        .sample("password = \"{a12}!7k\""),
    Kind::label(SecretPassword, "password", r#"[^\s"'`<>(){}\[\],;|\\&]{6,128}"#)
        .must(check::password)
        .score(0.75)
        .words(PASSWORDS)
        .sample("DB_PASSWORD={a12}!7k"),
    Kind::label(SecretToken, "value behind a keyword", r#"[A-Za-z0-9_./+=:~-]{16,512}"#)
        .must(check::key_value)
        .score(0.8)
        .words(&[
            "api key", "apikey", "api token", "access key", "access token", "auth token", "auth key", "secret", "secret key",
            "client secret", "app secret", "application secret", "shared secret", "consumer secret", "webhook secret", "secret token",
            "signing secret", "encryption key", "master key", "service key", "session secret", "jwt secret", "refresh token",
            "id token", "bot token", "deploy token", "private token", "personal access token", "token", "credential", "credentials",
            "x-api-key", "subscription key", "ocp-apim-subscription-key", "authorization", "license key", "storage key", "account key",
            "secret key base", "api secret", "oauth token", "session token", "cookie secret", "hmac key", "app key", "schlüssel",
            "geheimnis", "clé api", "clave api", "chiave api", "chave api", "klucz api", "api-sleutel",
        ])
        .sample("api_key: {a32}"),
];

const PASSWORDS: &[&str] = &[
    "password",
    "passwd",
    "pwd",
    "passphrase",
    "pass phrase",
    "passcode",
    "pass",
    "userpass",
    "user password",
    "db password",
    "root password",
    "admin password",
    "login password",
    "pgpassword",
    "mysql pwd",
    "redis password",
    "smtp password",
    "ftp password",
    "wifi password",
    "passwort",
    "kennwort",
    "mot de passe",
    "mdp",
    "contraseña",
    "clave",
    "senha",
    "wachtwoord",
    "hasło",
    "parola d'ordine",
    "parola",
];
