//! The page.

use super::{Part, Report, numeric};
use crate::plot::{PAGE_STYLE, PlotError, escape};

const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1a1a1a;--soft:#5a5f66;--ground:#fff;--rule:#d5d9de;--code:#f3f4f6}\
@media (prefers-color-scheme:dark){:root{--ink:#e6e6e6;--soft:#a7adb5;--ground:#15181c;--rule:#3a3f46;--code:#20242a}}\
body{margin:0 auto;max-width:46rem;padding:1.5rem 1rem 4rem;color:var(--ink);background:var(--ground);\
font:16px/1.55 system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif}\
h1{font-size:1.6rem;line-height:1.25}h2{font-size:1.15rem;margin-top:2.2rem}\
figure{margin:1.8rem 0}figure svg{width:100%;height:auto;max-width:40rem;display:block}\
figcaption{color:var(--soft);font-size:.9rem;margin-top:.4rem;max-width:40rem}\
.wide{overflow-x:auto}table{border-collapse:collapse;font-size:.9rem;font-variant-numeric:tabular-nums}\
th,td{padding:.3rem .7rem;border-bottom:1px solid var(--rule);text-align:left;vertical-align:top}\
th.n,td.n{text-align:right}pre{background:var(--code);padding:.8rem;overflow-x:auto;font-size:.85rem;border-radius:4px}\
summary{cursor:pointer}@media print{details{display:block}body{max-width:none}}";

pub(super) fn page(report: &Report) -> Result<String, PlotError> {
    let title = escape(&report.title);
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <title>{title}</title><style>{STYLE}{}</style></head>\n<body><h1>{title}</h1>\n",
        *PAGE_STYLE
    );
    for part in &report.parts {
        match part {
            Part::Heading(text) => out.push_str(&format!("<h2>{}</h2>\n", escape(text))),
            Part::Text(text) => out.push_str(&format!("<p>{}</p>\n", escape(text))),
            Part::Figure { figure, caption } => {
                let svg = figure.to_inline_svg()?;
                out.push_str("<figure>");
                out.push_str(&svg);
                out.push_str(&format!("<figcaption>{}</figcaption></figure>\n", escape(caption)));
            }
            Part::Table { header, rows } => table(&mut out, header, rows),
        }
    }
    out.push_str("<h2>Reproduce it</h2>\n");
    out.push_str(&format!("<pre>{}</pre>\n", escape(&report.command)));
    if !report.config.is_empty() {
        out.push_str("<details><summary>Configuration</summary>");
        out.push_str(&format!("<pre>{}</pre></details>\n", escape(&report.config)));
    }
    out.push_str("</body></html>\n");
    Ok(out)
}

fn table(out: &mut String, header: &[String], rows: &[Vec<String>]) {
    let right = numeric(rows, header.len());
    let class = |column: usize| if right.get(column) == Some(&true) { " class=\"n\"" } else { "" };
    out.push_str("<div class=\"wide\"><table><thead><tr>");
    for (column, cell) in header.iter().enumerate() {
        out.push_str(&format!("<th{}>{}</th>", class(column), escape(cell)));
    }
    out.push_str("</tr></thead><tbody>");
    for row in rows {
        out.push_str("<tr>");
        for (column, cell) in row.iter().enumerate() {
            out.push_str(&format!("<td{}>{}</td>", class(column), escape(cell)));
        }
        out.push_str("</tr>");
    }
    out.push_str("</tbody></table></div>\n");
}
