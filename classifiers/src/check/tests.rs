//! Known good and bad values of every check.

use super::*;

fn check(test: fn(&str) -> bool, good: &[&str], bad: &[&str]) {
    for text in good {
        assert!(test(text), "{text} is good");
    }
    for text in bad {
        assert!(!test(text), "{text} is bad");
    }
}

#[test]
fn numbers_with_check_digits_are_told_from_others() {
    check(
        ssn,
        &["536904399"],
        &["000904399", "666904399", "936904399", "536004399", "536900000", "123456789", "111111111"],
    );
    check(itin, &["912781234"], &["812781234", "912891234"]);
    check(npi, &["1234567893"], &["1234567894"]);
    check(dea, &["AB1234563"], &["AB1234564"]);
    check(aba, &["021000021", "011401533"], &["021000022", "991000021"]);
    check(nhs, &["9434765919"], &["9434765918", "0000000000"]);
    check(nino, &["AB123456C"], &["BG123456C", "AB123456E"]);
    check(de_tax, &["86095742719"], &["86095742718", "11111111111"]);
    check(de_social, &["65180539W001", "15070649C103"], &["65180539W002", "65480539W001"]);
    check(de_health, &["A123456780"], &["A123456781"]);
    check(de_card, &["L01X00T471"], &["L01X00T472", "L01X00T47"]);
    check(nir, &["255081416802538"], &["255081416802539"]);
    check(nif, &["12345678Z"], &["12345678A"]);
    check(nie, &["X1234567L"], &["X1234567A", "A1234567L"]);
    check(fiscal_code, &["RSSMRA85T10A562S"], &["RSSMRA85T10A562T"]);
    check(bsn, &["111222333"], &["111222334", "000000000"]);
    check(be_nn, &["85073003328"], &["85073003329", "85933003328"]);
    check(pesel, &["44051401359"], &["44051401358", "44991401359"]);
    check(personnummer, &["8112189876", "198112189876"], &["8112189877", "8113189876"]);
    check(finnish, &["131052308T", "010594A9021"], &["131052308U", "411052308T"]);
    check(ahv, &["7569217076985"], &["7569217076986", "7469217076985"]);
}

#[test]
fn numbers_of_other_continents_are_told_from_others() {
    check(aadhaar, &["234123412346"], &["234123412347", "134123412346"]);
    check(tfn, &["123456782"], &["123456789"]);
    check(abn, &["51824753556"], &["51824753557", "01824753556"]);
    check(acn, &["004085616"], &["004085617"]);
    check(medicare, &["2123456701"], &["2123456711"]);
    check(nric, &["S1234567D"], &["S1234567A"]);
    check(rrn, &["9001011234568"], &["9001011234567", "9013011234568"]);
    check(sin, &["130692544"], &["130692545", "030692544"]);
    check(za, &["8001015009087"], &["8001015009086", "8013015009087"]);
    check(turkish, &["10000000146"], &["10000000147"]);
    check(thai, &["1234567890121"], &["1234567890122"]);
    check(cpf, &["11144477735"], &["11144477736", "11111111111"]);
    check(cnpj, &["11222333000181"], &["11222333000182"]);
    check(lei, &["529900T8BM49AURSDO55"], &["529900T8BM49AURSDO56"]);
    check(vin, &["1M8GDM9AXKP042788"], &["1M8GDM9A1KP042788", "11111111111111111"]);
    check(luhn, &["490154203237518"], &["490154203237519", "000000000000000"]);
}

#[test]
fn addresses_and_dates_are_told_from_others() {
    check(
        base58,
        &[
            "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2",
            "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy",
            "rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh",
        ],
        &["1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN3"],
    );
    check(
        bech32,
        &["bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq"],
        &["bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdp"],
    );
    check(ipv4, &["203.0.113.77", "10.0.0.0/8"], &["127.0.0.1", "0.0.0.0", "256.1.1.1", "0.4.1.2"]);
    check(ipv6, &["2001:db8:85a3::8a2e:370:7334"], &["fe::ad", "::1", "ab:cd:ef:ab", "10:30:45"]);
    check(
        date,
        &["1984-03-17", "17.03.1984", "3/17/84", "17 March 1984", "19840317"],
        &["1984-13-17", "99.99.1984", "12345678", "1984"],
    );
    check(bic, &["DEUTDEFF500", "NEDSZAJJ"], &["HOMEZZGE"]);
    check(handle, &["nightowl_84", "@anna", "j.doe"], &["field", "is", "your_username"]);
    check(street, &["Hauptstrasse 12", "12 rue de Rivoli"], &["n/a", "12345", "f(x1)"]);
}

#[test]
fn secrets_are_told_from_names_and_examples() {
    check(
        password,
        &["hunter2!", "Sommer2024", "tr0ub4dor&3", "\"p@ssw0rd!\""],
        &[
            "String",
            "get_password()",
            "${DB_PASSWORD}",
            "xxxxxxxx1",
            "your-password1",
            "<password1>",
            "self.password",
            "user_password_2",
        ],
    );
    check(
        key_value,
        &["9fK2mQ7xVbT4nLw8", "0f8fad5bd9cb469fa165708677289501", "Zm9vYmFyMTIzNDU2Nzg5MDEy"],
        &[
            "550e8400-e29b-41d4-a716-446655440000",
            "sha512-9fK2mQ7xVbT4nLw89fK2mQ7xVbT4nLw8",
            "2024-01-15T10:30:00.000",
            "module_name_v2.handler_fn3",
            "X509HardwareKeyUsageFlags",
            "TLS13_CHACHA20_SHA256_INTERNAL",
            "your-api-key-1234",
            "aaaaaaaaaaaaaaaa11",
        ],
    );
    check(
        connection,
        &["postgres://app:s3cr3tpw@db.internal:5432/x"],
        &["postgres://user:password@localhost/db", "https://example.com/a:b@c", "redis://u:${PW}@h"],
    );
    check(basic, &["Basic YWRtaW46czNjcjN0"], &["Basic abcdefghijklmnop"]);
}
