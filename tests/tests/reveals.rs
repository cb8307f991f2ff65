//! Who may read bodies and with whose consent; erasures that are repeated, and keys that are wrapped anew.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::too_many_lines,
    reason = "test code: a scenario reads best in one piece"
)]

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use weir_tests::gateway::ADMIN_KEY;
use weir_tests::{Answer, Call, Clock, Config, Gateway, Upstream, openai, poll, scenario};

const SECRET: &str = "the heron nests at Quillon Weir";
const HOUR: i64 = 3600;

async fn ask(gateway: &Gateway, subject: &str) -> String {
    let call = Call::post("/v1/chat/completions", &openai::chat(SECRET)).key(gateway.key());
    let answer = call.header("x-weir-subject", subject).send(gateway.traffic()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let id = answer.header("x-request-id").unwrap().to_owned();
    poll::until("the index to know the call", poll::SOON, async || {
        let path = format!("/api/v1/audit/calls?id={id}&state=completed");
        let page = Call::get(&path).key(ADMIN_KEY).send(gateway.admin()).await.json();
        (page["data"].as_array().map(Vec::len) == Some(1)).then_some(())
    })
    .await;
    id
}

async fn post(gateway: &Gateway, key: &str, path: &str) -> Answer {
    let why = json!({"reason": "complaint 4711"});
    Call::post(&format!("/api/v1/audit/{path}"), &why).key(key).send(gateway.admin()).await
}

async fn reveal(gateway: &Gateway, key: &str, call: &str) -> Answer {
    post(gateway, key, &format!("calls/{call}/reveal")).await
}

/// What the records of a kind say, oldest first: action, outcome, and the rest.
async fn told(gateway: &Gateway, kind: &str) -> Vec<Value> {
    let listed = gateway.run(&["audit", "events", "--kind", kind, "--limit", "1000"]).await;
    let rows = listed.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let body = |row: Value| serde_json::from_str(row["body"].as_str().unwrap()).unwrap();
    let mut bodies: Vec<Value> = rows.map(body).collect();
    bodies.reverse();
    bodies
}

fn words(bodies: &[Value]) -> Vec<(&str, &str)> {
    bodies
        .iter()
        .map(|it| (it["action"].as_str().unwrap_or("read"), it["outcome"].as_str().unwrap_or("done")))
        .collect()
}

#[test]
fn where_it_takes_two_people_one_asks_another_agrees_and_the_permission_ends() {
    scenario(async {
        let upstream = Upstream::start(openai::echo).await;
        let clock = Clock::new();
        let config = Config::with(&upstream).yaml("audit: {reveal: {second_person: required, expires: 10m}}");
        let config = clock.iter().fold(config, |config, clock| clock.of(config));
        let mut gateway = Gateway::start(config).await;
        let ann = gateway.another_key(&["--role", "reviewer"]).await;
        let ben = gateway.another_key(&["--role", "reviewer"]).await;
        let cay = gateway.another_key(&["--role", "auditor"]).await;
        let stranger = gateway.another_key(&["--role", "reviewer", "--tenant", "other"]).await;
        let call = ask(&gateway, "ada").await;

        let asked = reveal(&gateway, &ann, &call).await;
        assert_eq!((asked.status, &asked.json()["stage"]), (202, &json!("asked")), "{}", asked.text());
        assert!(!asked.text().contains("heron"));
        let request = asked.json()["reveal"].as_str().unwrap().to_owned();
        let again = reveal(&gateway, &ann, &call).await;
        assert_eq!((again.status, &again.json()["reveal"]), (202, &json!(request)));
        let approve = format!("reveals/{request}/approve");
        for (who, key, status) in
            [("an auditor", &cay, 403), ("a stranger", &stranger, 404), ("who asked", &ann, 409)]
        {
            let answer = post(&gateway, key, &approve).await;
            assert_eq!(answer.status, status, "{who}: {}", answer.text());
        }
        assert_eq!(reveal(&gateway, &ann, &call).await.status, 202, "nobody has agreed yet");
        // What was asked is in the log, not in the process.
        gateway.signal("TERM").await;
        gateway.ended().await;
        gateway.restart().await;
        let approved = post(&gateway, &ben, &approve).await;
        assert_eq!((approved.status, &approved.json()["stage"]), (200, &json!("approved")));
        assert_eq!(post(&gateway, &ben, &approve).await.status, 409, "it is decided");
        for _ in 0..2 {
            let shown = reveal(&gateway, &ann, &call).await;
            assert_eq!(shown.status, 200, "{}", shown.text());
            assert!(shown.json()["bodies"][0]["text"].as_str().unwrap().contains(SECRET));
        }
        let bodies = told(&gateway, "reveal").await;
        let expect = [
            ("ask", "done"),
            ("approve", "self_approved"),
            ("approve", "done"),
            ("approve", "not_pending"),
            ("read", "done"),
            ("read", "done"),
        ];
        assert_eq!(words(&bodies), expect);
        assert_eq!(bodies[4]["request"], json!(request));
        assert_eq!(bodies[4]["approver"], bodies[2]["actor"]);
        assert_ne!(bodies[4]["approver"], bodies[4]["actor"]);

        // The consent was for ann; ben has to ask for himself, and is told no.
        let own = reveal(&gateway, &ben, &call).await;
        assert_eq!(own.status, 202);
        let own = own.json()["reveal"].as_str().unwrap().to_owned();
        assert_ne!(own, request);
        assert_eq!(post(&gateway, &ann, &format!("reveals/{own}/refuse")).await.status, 200);
        let refused = reveal(&gateway, &ben, &call).await;
        assert_eq!(refused.status, 409, "{}", refused.text());
        // A search would open the bodies of many calls at once.
        let wanted = json!({"text": "heron", "reason": "complaint 4711"});
        let search = Call::post("/api/v1/audit/search", &wanted).key(&ann).send(gateway.admin()).await;
        assert_eq!(search.status, 409, "{}", search.text());
        let bodies = told(&gateway, "reveal").await;
        let expect = [("ask", "done"), ("refuse", "done"), ("read", "refused"), ("read", "second_person")];
        assert_eq!(words(&bodies)[6..], expect);

        let Some(clock) = clock else { return };
        clock.set(HOUR);
        let over = reveal(&gateway, &ann, &call).await;
        assert_eq!(over.status, 202, "a permission that ended shows nothing: {}", over.text());
        let second = over.json()["reveal"].as_str().unwrap().to_owned();
        assert_ne!(second, request);
        clock.set(2 * HOUR);
        let late = post(&gateway, &ben, &format!("reveals/{second}/approve")).await;
        assert_eq!(late.status, 409, "{}", late.text());
        let bodies = told(&gateway, "reveal").await;
        assert_eq!(words(&bodies)[10..], [("read", "expired"), ("ask", "done"), ("approve", "expired")]);
        assert!(bodies.iter().filter(|it| !it["outcome"].is_null()).all(|it| it["calls"] == 0));

        // The same from the shell.
        let file = |name: &str, key: &str| {
            let path = gateway.dir().join(name);
            fs::write(&path, key).unwrap();
            path.display().to_string()
        };
        let (ann_file, ben_file) = (file("ann.key", &ann), file("ben.key", &ben));
        let why = ["--reason", "complaint 4711", "--key-file"];
        let show = [&["audit", "show", &call, "--json"], &why[..], &[&ann_file]].concat();
        let asked: Value = serde_json::from_str(&gateway.run(&show).await).unwrap();
        let third = asked["request"]["reveal"].as_str().unwrap().to_owned();
        assert!(asked.get("bodies").is_none());
        let listed = gateway.run(&["audit", "reveal", "list", "--key-file", &ben_file]).await;
        assert!(listed.contains(&third), "{listed}");
        gateway.run(&[&["audit", "reveal", "approve", &third], &why[..], &[&ben_file]].concat()).await;
        let shown = gateway.run(&show).await;
        assert!(shown.contains(SECRET), "{shown}");
        let (code, said) = gateway.try_run(&["audit", "verify"]).await;
        assert!(code == 0 || said.contains("no checkpoint"), "{said}");
    });
}

/// A key store that comes back from an old copy forgets again, and a new key-encryption key opens what the old did.
#[test]
fn restored_keys_forget_again_and_a_new_key_encryption_key_opens_the_same_bodies() {
    scenario(async {
        let upstream = Upstream::start(openai::echo).await;
        let mut gateway = Gateway::start(Config::with(&upstream)).await;
        let reviewer = gateway.another_key(&["--role", "reviewer"]).await;
        let (ada, bob) = (ask(&gateway, "ada").await, ask(&gateway, "bob").await);
        let (data, backup) = (gateway.dir().join("data"), gateway.dir().join("backup"));
        for folder in ["audit-keys", "bodies"] {
            copy(&data.join(folder), &backup.join(folder));
        }
        let about = json!({"tenant": "demo", "subject": "ada", "reason": "request of the person"});
        let erased = Call::post("/api/v1/audit/erasures", &about).key(ADMIN_KEY).send(gateway.admin()).await;
        assert_eq!(erased.status, 200, "{}", erased.text());
        let new_key = gateway.dir().join("kek-2").display().to_string();
        let rewrap = ["audit", "keys", "rewrap", "--to", &new_key, "--reason", "another keeper"];
        let (code, said) = gateway.try_run(&rewrap).await;
        assert!(code == 1 && said.contains("stop it first"), "{code}: {said}");
        gateway.signal("TERM").await;
        gateway.ended().await;
        for folder in ["audit-keys", "bodies"] {
            let (old, now) = (backup.join(folder), data.join(folder));
            // The key that signs is the newest one.
            let signing = fs::read(data.join("audit-keys/checkpoint.key"));
            fs::remove_dir_all(&now).unwrap();
            copy(&old, &now);
            fs::write(data.join("audit-keys/checkpoint.key"), signing.unwrap()).unwrap();
        }
        let why = ["--reason", "after the restore"];
        let show = async |gateway: &Gateway, id: &str| {
            gateway.run(&[&["audit", "show", id, "--json"], &why[..]].concat()).await
        };
        assert!(show(&gateway, &ada).await.contains(SECRET), "the old copy has brought her back");
        let repeated = gateway.run(&[&["audit", "repeat-erasures"], &why[..]].concat()).await;
        assert_eq!(serde_json::from_str::<Value>(&repeated).unwrap(), json!({"subjects": 1}));
        let repeated = gateway.run(&[&["audit", "repeat-erasures"], &why[..]].concat()).await;
        assert_eq!(serde_json::from_str::<Value>(&repeated).unwrap(), json!({"subjects": 0}));
        let shown = show(&gateway, &ada).await;
        assert!(!shown.contains(SECRET) && shown.contains("erased"), "{shown}");
        assert!(show(&gateway, &bob).await.contains(SECRET));

        let file = gateway.dir().join("reviewer.key");
        fs::write(&file, &reviewer).unwrap();
        let by_reviewer = [&rewrap[..], &["--key-file", file.to_str().unwrap()]].concat();
        let (code, said) = gateway.try_run(&by_reviewer).await;
        assert!(code == 1 && said.contains("the role admin"), "{code}: {said}");
        assert!(!Path::new(&new_key).exists());
        let said = gateway.run(&rewrap).await;
        assert!(said.contains("key_encryption_key"), "{said}");
        let (code, said) = gateway.try_run(&["serve"]).await;
        assert!(code == 1 && said.contains("does not fit"), "the old key still opens it: {code}: {said}");
        let settings = gateway.dir().join("weir.yaml");
        let text = fs::read_to_string(&settings).unwrap();
        fs::write(&settings, format!("{text}audit: {{key_encryption_key: kek-2}}\n")).unwrap();
        fs::remove_file(data.join("audit-keys/kek")).unwrap();
        gateway.restart().await;
        assert!(show(&gateway, &bob).await.contains(SECRET));
        let shown = show(&gateway, &ada).await;
        assert!(!shown.contains(SECRET) && shown.contains("erased"), "{shown}");

        let admin = told(&gateway, "admin").await;
        let repeats: Vec<_> = admin.iter().filter(|it| it["action"] == "audit.repeat_erasures").collect();
        assert_eq!(repeats.iter().map(|it| &it["object"]).collect::<Vec<_>>(), ["1 subjects", "0 subjects"]);
        assert!(repeats.iter().all(|it| it["reason"] == "after the restore"), "{repeats:?}");
        let refused: Vec<_> = admin.iter().filter(|it| it["action"] == "desk.refused").collect();
        assert_eq!(refused.iter().map(|it| &it["object"]).collect::<Vec<_>>(), ["audit keys rewrap"]);
        let keys = told(&gateway, "key").await;
        let actions: Vec<_> = keys.iter().map(|it| it["action"].as_str().unwrap()).collect();
        assert_eq!(actions, ["make", "rewrap", "rewrapped"]);
        assert!(keys.iter().skip(1).all(|it| it["reason"] == "another keeper"), "{keys:?}");
        // A checkpoint is signed once a second.
        poll::until("a sound log", poll::SOON, async || {
            let (code, _) = gateway.try_run(&["audit", "verify"]).await;
            (code == 0).then_some(())
        })
        .await;
    });
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
