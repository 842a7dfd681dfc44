//! From command lines to templates and back.

use crate::lesson::{TemplateError, instantiate, normalise_command, templatise};

fn template(command: &str, task: &str) -> String {
    templatise(command, task).unwrap().as_str().to_owned()
}

const TASK: &str = "Fetch invoice 4711 for Jane Doe and save it as inv-4711.txt. The runbook says: \
    `fetch http://127.0.0.1:8080/invoices/4711 -o inv-4711.txt`";

#[test]
fn values_of_the_task_become_placeholders_and_the_environment_stays() {
    let command = "fetch 'http://127.0.0.1:8123/v2/bills/4711' -H \"X-Team: blue\" -o inv-4711.txt";
    let found = template(command, TASK);
    let expected = "fetch http://127.0.0.1:8123/v2/bills/<arg> -H \"X-Team: blue\" -o <out>";
    assert_eq!(found, expected);
    let other = "Please write the invoice 99 of Bob to b.txt. \
                 `fetch http://127.0.0.1:8080/invoices/99 -o b.txt`";
    assert_eq!(
        instantiate(&found, other).unwrap(),
        "fetch http://127.0.0.1:8123/v2/bills/99 -H \"X-Team: blue\" -o b.txt"
    );
}

#[test]
fn a_value_inside_a_token_goes_alone() {
    let task = "Look up ITEM-4711 (row 88) and write it to row.json.";
    for (command, expected) in [
        (
            "fetch http://127.0.0.1:8123/v2/items/ITEM-4711?x=1",
            "fetch http://127.0.0.1:8123/v2/items/<arg2>?x=1",
        ),
        ("pick --id=88 --top=3", "pick --id=<arg> --top=3"),
        ("pick --id 88 > out_88.json", "pick --id <arg> > out_<arg>.json"),
        ("pick 188 88.5 10.88.0.1 v88x", "pick 188 88.5 10.88.0.1 v88x"),
        (
            "pick -d '{\"row\": 88, \"file\": \"row.json\"}'",
            "pick -d '{\"row\": <arg>, \"file\": \"<out>\"}'",
        ),
        ("pick > ./row.json 2>&1", "pick > <out> 2>&1"),
    ] {
        assert_eq!(template(command, task), expected);
    }
}

#[test]
fn ports_of_the_environment_are_kept_even_when_a_number_equals_them() {
    let task = "Fetch row 8123 to out.txt";
    let command = "fetch http://127.0.0.1:8123/rows/8123 -o out.txt";
    assert_eq!(template(command, task), "fetch http://127.0.0.1:8123/rows/<arg> -o <out>");
    let task = "Ask the service on port 9000 for its state, into out.txt";
    let command = "fetch http://127.0.0.1:9000/state -o out.txt";
    assert_eq!(template(command, task), "fetch http://127.0.0.1:<arg>/state -o <out>");
}

#[test]
fn a_computation_stays_as_its_expression() {
    let task = "Store the note of ITEM-4711 from 2026-03-04 in note.txt";
    for (command, expected) in [
        (
            "fetch \"http://127.0.0.1:81/n/$(printf %s \"ITEM-4711\" | sha256sum | cut -c1-8)\" -o note.txt",
            "fetch \"http://127.0.0.1:81/n/$(printf %s <arg2> | sha256sum | cut -c1-8)\" -o <out>",
        ),
        (
            "id=`echo 2026-03-04|tr -d '-'` && get \"$id\" >note.txt",
            "id=$(echo <arg> | tr -d -) && get \"$id\" > <out>",
        ),
        (
            "d=\"$(date -d '2026-03-04' +%Y%j)\"; get --day \"$d\" -o note.txt",
            "d=\"$(date -d <arg> +%Y%j)\"; get --day \"$d\" -o <out>",
        ),
    ] {
        assert_eq!(template(command, task), expected);
    }
    // A factor that happens to equal the value is the formula's.
    let command = "echo $((32 * 9 / 5 + 32)) > f.txt";
    assert_eq!(
        template(command, "Convert 32 degrees, write f.txt"),
        "echo $((<arg> * 9 / 5 + 32)) > <out>"
    );
    let command = "awk 'BEGIN { print 5*9/5+32 }' > f.txt";
    assert_eq!(
        template(command, "Convert 5 degrees, write f.txt"),
        "awk \"BEGIN { print <arg>*9/5+32 }\" > <out>"
    );
    // The letters of a flag are the program's.
    assert_eq!(template("cut -c1-8 -d, x", "Take 8 of x"), "cut -c1-8 -d, x");
}

#[test]
fn quotes_and_white_space_have_one_spelling() {
    let spellings = [
        "put  --name 'Jane Doe' --note=\"so so\" http://h/x?a=1",
        "put --name \"Jane Doe\" '--note=so so' \"http://h/x?a=1\"",
        "put \\\n  --name Jane\\ Doe --note='so so' 'http://h/x?a=1'  # as agreed",
    ];
    for spelling in spellings {
        assert_eq!(
            normalise_command(spelling).unwrap().as_str(),
            "put --name \"Jane Doe\" \"--note=so so\" http://h/x?a=1"
        );
    }
    // Bob needs no quotes and Jane Doe does: both give one template.
    let bob = template("put --name Bob", "Put it in for Bob");
    assert_eq!(bob, template("put --name 'Jane Doe'", "Put it in for Jane Doe"));
    assert_eq!(
        instantiate(&bob, "Put it in for Mary-Ann O'Neil").as_deref(),
        Some("put --name Mary-Ann")
    );
    assert_eq!(
        instantiate(&bob, "Put it in for Jane Doe").as_deref(),
        Some("put --name \"Jane Doe\"")
    );
}

#[test]
fn what_has_a_meaning_for_the_shell_keeps_it() {
    for command in [
        "for f in *.csv; do wc -l \"$f\"; done > n.txt",
        "if [ -e lock ]; then rm lock; fi && run",
        "( cd a && ls ) || echo \"none of $HOME/${x:-y}\"",
        "X=1 Y=\"$Z\" run >> log 2> /dev/null",
        "a=\"b c\"; run $a.txt {1..3} | tee -a x; exit 1",
        "run \"a'b\" 'a\"b' \"a\\\"'b\" '$x' \"${x}y\"",
        "cat ~/x <<< \"a b\"",
        "send -d \"badge=1&gate=blue\" \"n=$(id)\" && export A=\"b c\" && B=\"d e\" run",
    ] {
        assert_eq!(normalise_command(command).unwrap().as_str(), command);
    }
}

#[test]
fn what_fits_no_line_is_refused_and_not_cut() {
    let shell = |command: &str| matches!(templatise(command, ""), Err(TemplateError::Shell(_)));
    assert!(shell("cat > x <<EOF\nhello\nEOF"));
    assert!(shell("echo 'open"));
    assert!(shell("diff <(a) <(b)"));
    assert!(shell(&"$(".repeat(500)));
    assert!(shell(&"x".repeat(5000)));
    assert!(matches!(templatise(&"x".repeat(241), ""), Err(TemplateError::Token(_))));
    assert!(matches!(templatise("  ", ""), Err(TemplateError::Token(_))));
}

#[test]
fn a_template_is_filled_only_when_every_mark_has_a_value() {
    assert_eq!(instantiate("run <arg> <arg2>", "Run it for ORD-1"), None);
    assert_eq!(instantiate("run <arg> -o <out>", "Run it for ORD-1"), None);
    assert_eq!(instantiate("run <n>", "Run 5"), None);
    assert_eq!(instantiate("run <tmp>/x", "Run 5").as_deref(), Some("run ./x"));
}

#[test]
fn calls_with_json_arguments_are_templates_too() {
    let task = "Book 3 seats for \"Ann \\ Bo\"";
    let found = template("book {\"seats\": 3, \"class\": \"Y\"}", task);
    assert_eq!(found, "book {\"seats\": <arg>, \"class\": \"Y\"}");
    assert_eq!(
        instantiate(&found, "Book 4 seats").as_deref(),
        Some("book {\"seats\": 4, \"class\": \"Y\"}")
    );
}

#[test]
fn private_tokens_in_commands_never_survive() {
    let secrets = [
        "jane.roe@example.org",
        "sk-proj-abcdefghijklmnop1234",
        "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
        "AKIAIOSFODNN7EXAMPLE",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
        "123e4567-e89b-12d3-a456-426614174000",
        "d41d8cd98f00b204e9800998ecf8427e",
        "hunter2horse",
        "1763885274",
    ];
    let shapes = [
        "fetch -H 'Authorization: Bearer @' http://h/x",
        "fetch --token=@ http://h/x",
        "fetch --password @ http://h/x",
        "API_KEY=@ run",
        "run -d '{\"client_secret\": \"@\"}'",
        "fetch http://user:@@h/x",
        "echo \"$(printf %s 'password=@')\"",
    ];
    for secret in secrets {
        for shape in shapes {
            let command = shape.replacen('@', secret, 1);
            let found = template(&command, "Do the thing");
            assert!(!found.contains(secret), "{found}");
        }
    }
    // These are recognised by their looks wherever they stand.
    for secret in secrets.iter().filter(|secret| **secret != "hunter2horse") {
        let found = template(&format!("run --for '{secret}' x"), "Do the thing");
        assert!(!found.contains(secret), "{found}");
    }
    assert_eq!(template("MAX_TOKENS=4096 run", ""), "MAX_TOKENS=4096 run");
    // A secret that the task quotes among other words is no value on its own.
    let task = "Use the key \"my sk-proj-abcdefghijklmnop1234 key\"";
    assert_eq!(template("run sk-proj-abcdefghijklmnop1234", task), "run <secret>");
    assert_eq!(template("run 'my sk-proj-abcdefghijklmnop1234 key'", task), "run <arg>");
}

#[test]
fn homes_and_scratch_directories_are_nobodys() {
    for (command, expected) in [
        ("cat /home/jane/notes/x.txt", "cat <home>/notes/x.txt"),
        ("cat /Users/jane/x.txt", "cat <home>/x.txt"),
        ("cat /tmp/lore-a1b2/work/x.csv", "cat <tmp>/x.csv"),
        ("cd /tmp/tmp.Xy12ab", "cd <tmp>"),
        ("run > /tmp/s-1/inv-4711.txt", "run > <out>"),
        ("run /var/log/app.log", "run /var/log/app.log"),
    ] {
        assert_eq!(template(command, TASK), expected);
    }
}
