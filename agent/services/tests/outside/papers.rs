//! Papers: arXiv, Semantic Scholar, Hugging Face.

use serde_json::json;

use crate::support::{TOKEN, fails, text, tools};
use lore_test_endpoint::{Endpoint, answer, json as says};

const FEED: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<feed xmlns="http://www.w3.org/2005/Atom">
  <title type="html">ArXiv Query: search_query=all:skill</title>
  <opensearch:totalResults xmlns:opensearch="http://a9.com/-/spec/opensearch/1.1/">41</opensearch:totalResults>
  <entry>
    <id>http://arxiv.org/abs/2501.00001v2</id>
    <updated>2025-02-03T10:00:00Z</updated>
    <published>2025-01-01T09:00:00Z</published>
    <title>Sharing skills
      &amp; keeping secrets</title>
    <summary>  We share skills
 between agents.  </summary>
    <author><name>Ada One</name></author>
    <author><name>Ben Two</name></author>
    <arxiv:comment xmlns:arxiv="http://arxiv.org/schemas/atom">12 pages</arxiv:comment>
    <arxiv:doi xmlns:arxiv="http://arxiv.org/schemas/atom">10.1000/x.1</arxiv:doi>
    <link href="http://arxiv.org/abs/2501.00001v2" rel="alternate" type="text/html"/>
    <link title="pdf" href="http://arxiv.org/pdf/2501.00001v2" rel="related" type="application/pdf"/>
    <category term="cs.LG" scheme="http://arxiv.org/schemas/atom"/>
    <category term="cs.CR" scheme="http://arxiv.org/schemas/atom"/>
  </entry>
</feed>"#;

#[tokio::test]
async fn arxiv_is_searched_and_read() {
    let server = Endpoint::start(|_, _| answer(200, "application/atom+xml", FEED));
    let tools = tools(&server.root(), true);
    let arguments = json!({"query": "sharing skills", "limit": 1, "order": "submitted"});
    let found = text(&tools, "arxiv_search", arguments).await;
    for part in
        ["41 papers fit", "Sharing skills & keeping secrets", "2501.00001v2", "Ada One, Ben"]
    {
        assert!(found.contains(part), "{part}: {found}");
    }
    assert!(found.contains("published: 2025-01-01") && found.contains("updated: 2025-02-03"));
    assert!(found.contains("cs.LG, cs.CR") && found.contains("more with offset 1"), "{found}");
    let asked = server.one();
    assert_eq!(asked.path, "/api/query");
    assert_eq!(asked.field("search_query"), Some("all:sharing AND all:skills"));
    assert_eq!(asked.field("sortBy"), Some("submittedDate"));
    assert_eq!(asked.field("max_results"), Some("1"));
    assert!(asked.headers["user-agent"].starts_with("lore/"));
    assert!(!asked.headers.contains_key("authorization"), "arXiv takes no token");

    let read = text(&tools, "arxiv_read", json!({"ids": ["arXiv:2501.00001"]})).await;
    assert!(read.contains("pdf: http://arxiv.org/pdf/2501.00001v2"), "{read}");
    assert!(read.contains("comment: 12 pages") && read.contains("doi: 10.1000/x.1"), "{read}");
    assert_eq!(server.seen()[1].field("id_list"), Some("2501.00001"));
    for id in ["../../api", "1706.03762&x=1", "word", ""] {
        fails(&tools, "arxiv_read", json!({"ids": [id]}), "argument").await;
    }
}

#[tokio::test]
async fn arxiv_s_errors_come_as_a_feed() {
    let feed = r#"<feed xmlns="http://www.w3.org/2005/Atom"><entry>
        <id>http://arxiv.org/api/errors#incorrect_id_format_for_1234</id><title>Error</title>
        <summary>incorrect id format for 1234</summary></entry></feed>"#;
    let server = Endpoint::start(move |_, _| answer(400, "application/atom+xml", feed));
    let ours = tools(&server.root(), true);
    fails(&ours, "arxiv_read", json!({"ids": ["1234.5"]}), "refused").await;
    let server = Endpoint::start(move |_, _| answer(200, "application/atom+xml", feed));
    let ours = tools(&server.root(), true);
    let told = fails(&ours, "arxiv_read", json!({"ids": ["1234.5"]}), "refused").await;
    assert!(told.contains("incorrect id format"), "{told}");
    let empty = "<feed xmlns=\"http://www.w3.org/2005/Atom\"></feed>";
    let server = Endpoint::start(move |_, _| answer(200, "application/atom+xml", empty));
    let ours = tools(&server.root(), true);
    fails(&ours, "arxiv_read", json!({"ids": ["1234.5678"]}), "not_found").await;
    let nothing = text(&ours, "arxiv_search", json!({"query": "au:nobody"})).await;
    assert!(nothing.contains("0 papers fit"), "{nothing}");
}

const PAPER: &str = r#"{"paperId":"abc123","title":"Attention","year":2017,"abstract":"We propose.",
    "authors":[{"authorId":"1","name":"Ada One"},{"authorId":null,"name":"Ben Two"}],
    "venue":"NIPS","citationCount":90000,"referenceCount":40,"influentialCitationCount":9000,
    "externalIds":{"ArXiv":"1706.03762","CorpusId":13756489,"DOI":"10.1/x"},
    "openAccessPdf":{"url":"https://arxiv.org/pdf/1706.03762","status":"GREEN"},
    "tldr":{"model":"tldr@v2.0.0","text":"A new network."},"publicationDate":"2017-06-12",
    "fieldsOfStudy":["Computer Science"],"publicationTypes":null,"url":"https://s2.example/abc123"}"#;

#[tokio::test]
async fn semantic_scholar_is_searched_and_read_with_its_own_header() {
    let server = Endpoint::start(|_, seen| match seen.path.as_str() {
        "/graph/v1/paper/search" => {
            says(&format!(r#"{{"total":7,"offset":0,"next":2,"data":[{PAPER},{PAPER}]}}"#))
        }
        "/graph/v1/paper/DOI:10.1%2Fx" | "/graph/v1/paper/DOI:10.1%2Fx/" => says(PAPER),
        "/graph/v1/paper/abc123/citations" => says(&format!(
            r#"{{"offset":0,"next":1,"data":[{{"contexts":["as shown in [3]"],
               "intents":["background"],"isInfluential":true,"citingPaper":{PAPER}}}]}}"#
        )),
        "/graph/v1/paper/abc123/references" => says(&format!(
            r#"{{"offset":0,"data":[{{"contexts":[],"intents":null,"isInfluential":false,
               "citedPaper":{PAPER}}}]}}"#
        )),
        other => panic!("{other}"),
    });
    let tools = tools(&server.root(), true);
    let arguments = json!({"query": "attention", "year": "2017-", "open_access": true, "limit": 2});
    let found = text(&tools, "scholar_search", arguments).await;
    assert!(found.contains("7 papers fit; shown: 2") && found.contains("more with offset 2"));
    assert!(found.contains("CorpusId:13756489") && found.contains("cited by: 90000"), "{found}");
    let asked = server.one();
    assert_eq!(asked.headers["x-api-key"], TOKEN);
    assert!(!asked.headers.contains_key("authorization"));
    assert_eq!(asked.field("year"), Some("2017-"));
    assert_eq!(asked.field("openAccessPdf"), Some(""));

    let paper = text(&tools, "scholar_paper", json!({"id": "DOI:10.1/x"})).await;
    for part in ["abstract: We propose.", "in short: A new network.", "pdf: https://arxiv.org/pdf/"]
    {
        assert!(paper.contains(part), "{part}: {paper}");
    }
    let citing = text(&tools, "scholar_citations", json!({"id": "abc123"})).await;
    assert!(citing.contains("says: as shown in [3]") && citing.contains("influential: yes"));
    let arguments = json!({"id": "abc123", "direction": "cited"});
    let cited = text(&tools, "scholar_citations", arguments).await;
    assert!(cited.contains("references of abc123: 1 shown") && !cited.contains("influential: yes"));
    for id in ["", "..", "search", "a b", "a\nb"] {
        fails(&tools, "scholar_paper", json!({"id": id}), "argument").await;
    }
}

#[tokio::test]
async fn nothing_found_in_semantic_scholar_is_no_failure() {
    let server = Endpoint::start(|_, _| says(r#"{"total":0,"offset":0}"#));
    let found = text(&tools(&server.root(), false), "scholar_search", json!({"query": "x"})).await;
    assert!(found.contains("0 papers fit; shown: 0"), "{found}");
    assert!(!server.one().headers.contains_key("x-api-key"));
}

const HF_PAPER: &str = r#"{"id":"2501.00001","title":"Sharing skills","summary":"We share.",
    "authors":[{"_id":"1","name":"Ada One","hidden":false}],"publishedAt":"2025-01-01T00:00:00.000Z",
    "upvotes":12,"githubRepo":"https://github.com/o/r","ai_summary":"Skills are shared.",
    "ai_keywords":["agents","privacy"],"githubStars":3}"#;

#[tokio::test]
async fn papers_of_hugging_face() {
    let server = Endpoint::start(|_, seen| match seen.path.as_str() {
        "/api/daily_papers" | "/api/papers/search" => {
            let one =
                format!(r#"{{"paper":{HF_PAPER},"publishedAt":"2025-01-02","numComments":3}}"#);
            says(&format!("[{one},{one}]"))
        }
        "/api/papers/2501.00001" => says(HF_PAPER),
        "/papers/2501.00001.md" => answer(200, "text/markdown", "# Sharing\n\none\ntwo\nthree\n"),
        "/papers/2501.00002.md" => answer(200, "text/html", "<html></html>"),
        other => panic!("{other}"),
    });
    let tools = tools(&server.root(), true);
    let daily = text(&tools, "hf_papers_daily", json!({"date": "2025-01-02", "limit": 1})).await;
    assert!(daily.contains("papers of 2025-01-02: 1 of 2 shown"), "{daily}");
    assert!(daily.contains("upvotes: 12") && daily.contains("comments: 3"), "{daily}");
    assert_eq!(server.one().field("date"), Some("2025-01-02"));
    fails(&tools, "hf_papers_daily", json!({"date": "yesterday"}), "argument").await;
    let found = text(&tools, "hf_papers_search", json!({"query": "skills"})).await;
    assert!(found.contains("- Sharing skills [2501.00001]"), "{found}");
    assert_eq!(server.seen()[1].field("q"), Some("skills"));
    let paper = text(&tools, "hf_paper", json!({"id": "arXiv:2501.00001v3"})).await;
    assert!(paper.contains("code: https://github.com/o/r"), "{paper}");
    assert!(paper.contains("in short: Skills are shared."), "{paper}");
    let arguments = json!({"id": "2501.00001", "first_line": 3, "lines": 2});
    let page = text(&tools, "hf_paper_read", arguments).await;
    assert!(page.contains("lines 3 to 4:\none\ntwo"), "{page}");
    assert!(page.contains("1 more lines: ask from line 5") && !page.contains("three"), "{page}");
    fails(&tools, "hf_paper_read", json!({"id": "2501.00002"}), "not_found").await;
    fails(&tools, "hf_paper", json!({"id": "../whoami-v2"}), "argument").await;
}

#[tokio::test]
async fn requests_to_arxiv_keep_their_distance() {
    let server = Endpoint::start(|_, _| answer(200, "application/atom+xml", FEED));
    let settings = format!(
        "[arxiv]\nenabled = true\nbase_url = \"{}\"\ninterval_seconds = 1\n",
        server.root()
    );
    let settings = toml::from_str(&settings).unwrap();
    let tools = lore_services::outside_tools_with(&settings, &|_| None).unwrap();
    let tools = tools.into_iter().map(|tool| (tool.spec().name, tool)).collect();
    let began = std::time::Instant::now();
    let search = || text(&tools, "arxiv_search", json!({"query": "all:x"}));
    tokio::join!(search(), search(), search());
    assert_eq!(server.seen().len(), 3);
    assert!(began.elapsed() >= std::time::Duration::from_secs(2), "{:?}", began.elapsed());
}
