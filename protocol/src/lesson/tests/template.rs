use crate::lesson::{instantiate, templatise, values};

const TASK: &str = "Fetch invoice 4711 for Jane Doe and save it as inv-4711.txt. The runbook says: \
    `fetch http://127.0.0.1:8080/invoices/4711 -o inv-4711.txt`";

#[test]
fn values_of_the_task_become_placeholders_and_the_environment_stays() {
    let command = "fetch 'http://127.0.0.1:8123/v2/bills/4711' -H \"X-Team: blue\" -o inv-4711.txt";
    let template = templatise(command, TASK).unwrap();
    assert_eq!(
        template.as_str(),
        "fetch http://127.0.0.1:8123/v2/bills/<arg> -H \"X-Team: blue\" -o <out>"
    );
    let other = "Please write the invoice 99 of Bob to b.txt. `fetch http://127.0.0.1:8080/invoices/99 -o b.txt`";
    assert_eq!(
        instantiate(template.as_str(), other).unwrap(),
        "fetch http://127.0.0.1:8123/v2/bills/99 -H \"X-Team: blue\" -o b.txt"
    );
    println!("{:#?}", values(TASK));
}
