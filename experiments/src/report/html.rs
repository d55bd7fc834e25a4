//! A document as one HTML file that needs nothing else: figures inline, no scripts, no links to elsewhere. It is well-formed
//! XML too.

use std::fmt::Write as _;

use super::document::{Block, Document, Table};
use crate::figures::escaped;

/// Light and dark, screen and paper. Figures stay on a light card: they are drawn for white.
const STYLE: &str = "
:root { color-scheme: light dark; --ink: #1d1d1f; --faint: #57575c; --page: #f6f6f4; --card: #fff; --line: #d5d5d2;
  --link: #0058a3; --bad: #9c2f00; --bad-fill: #fdeee6; --lead: #e9f2fa; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8e8ea; --faint: #a9a9b0; --page: #17181a; --card: #212326;
  --line: #3d4044; --link: #7cc0ff; --bad: #ffab82; --bad-fill: #3a241a; --lead: #1c2c3a; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 76rem; padding: 1.5rem clamp(0.8rem, 3vw, 2.5rem) 4rem; background: var(--page);
  color: var(--ink); font: 16px/1.55 system-ui, sans-serif; overflow-wrap: break-word; }
h1 { font-size: 1.8rem; line-height: 1.2; margin: 0.5rem 0 1rem; }
h2 { font-size: 1.4rem; margin: 3rem 0 0.6rem; padding-top: 0.6rem; border-top: 2px solid var(--line); }
h3 { font-size: 1.1rem; margin: 2rem 0 0.4rem; }
p { max-width: 48rem; margin: 0.6rem 0; }
a { color: var(--link); }
a:focus-visible, [tabindex]:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
nav { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 0.8rem 1.2rem; }
nav h2 { border: 0; margin: 0; padding: 0; font-size: 1.05rem; }
nav ul { margin: 0.3rem 0; padding-left: 1.2rem; }
.headline { font-size: 1.15rem; background: var(--lead); border-left: 5px solid var(--link); padding: 0.8rem 1.1rem;
  border-radius: 0 8px 8px 0; }
.warning { background: var(--bad-fill); border-left: 5px solid var(--bad); padding: 0.6rem 1rem; border-radius: 0 8px 8px 0; }
.wide { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; font-size: 0.88rem; font-variant-numeric: tabular-nums; background: var(--card); }
caption { text-align: left; color: var(--faint); padding: 0.3rem 0; }
th, td { border: 1px solid var(--line); padding: 0.3rem 0.6rem; text-align: left; vertical-align: top; min-width: 5rem;
  max-width: 26rem; overflow-wrap: break-word; }
thead th { background: var(--page); white-space: nowrap; }
td:nth-child(2) { min-width: 7rem; }
td.bad { color: var(--bad); background: var(--bad-fill); font-weight: 600; }
figure { margin: 1.4rem 0; background: #fff; color: #222; border: 1px solid var(--line); border-radius: 8px;
  padding: 0.6rem; }
figure .wide { margin: 0; }
figure svg { display: block; width: 100%; min-width: 660px; height: auto; max-width: 1000px; margin: 0 auto; }
figcaption { color: #555; font-size: 0.88rem; max-width: 60rem; padding: 0.3rem 0.4rem; }
.top { font-size: 0.85rem; }
@media print { :root { --ink: #000; --faint: #444; --page: #fff; --card: #fff; --line: #aaa; --bad: #7a2400;
  --bad-fill: #fff; --lead: #fff; --link: #000; } body { max-width: none; padding: 0; font-size: 11pt; }
  figure, tr, .headline { break-inside: avoid; } h2, h3, caption, thead { break-after: avoid; } .wide { overflow: visible; }
  table { font-size: 8pt; } figure svg { min-width: 0; } .top { display: none; } }
";

/// The whole file.
pub(super) fn render(document: &Document) -> String {
    let title = escaped(&document.title);
    let mut html = format!(
        "<!DOCTYPE html>\n<html lang=\"en\" xmlns=\"http://www.w3.org/1999/xhtml\">\n<head>\n<meta charset=\"utf-8\"/>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n<title>{title}</title>\n\
         <style>{STYLE}</style>\n</head>\n<body id=\"top\">\n<main>\n<h1>{title}</h1>\n"
    );
    contents(&mut html, document);
    for block in &document.blocks {
        write_block(&mut html, block);
    }
    html.push_str(
        "<p class=\"top\"><a href=\"#top\">Back to the top</a></p>\n</main>\n</body>\n</html>\n",
    );
    html
}

fn contents(html: &mut String, document: &Document) {
    html.push_str("<nav aria-labelledby=\"contents\">\n<h2 id=\"contents\">Contents</h2>\n<ul>\n");
    let mut depth = 2;
    let mut open = false;
    for block in &document.blocks {
        let Block::Heading { level, id, text } = block else { continue };
        if *level > depth {
            html.push_str("\n<ul>\n");
        } else if open {
            html.push_str("</li>\n");
        }
        if *level < depth {
            html.push_str("</ul>\n</li>\n");
        }
        depth = *level;
        open = true;
        // Writing to a String cannot fail, here and below.
        let _ = write!(html, "<li><a href=\"#{}\">{}</a>", escaped(id), escaped(text));
    }
    if open {
        html.push_str("</li>\n");
    }
    if depth > 2 {
        html.push_str("</ul>\n</li>\n");
    }
    if !open {
        html.push_str("<li>Nothing</li>\n");
    }
    html.push_str("</ul>\n</nav>\n");
}

fn write_block(html: &mut String, block: &Block) {
    let _ = match block {
        Block::Heading { level, id, text } => {
            writeln!(html, "<h{level} id=\"{}\">{}</h{level}>", escaped(id), escaped(text))
        }
        Block::Paragraph(text) => writeln!(html, "<p>{}</p>", prose(text)),
        Block::Headline(text) => writeln!(html, "<p class=\"headline\">{}</p>", prose(text)),
        Block::Warning(text) => {
            writeln!(html, "<p class=\"warning\"><strong>Note:</strong> {}</p>", prose(text))
        }
        Block::Table(table) => {
            write_table(html, table);
            Ok(())
        }
        Block::Figure(figure) => writeln!(
            html,
            "<figure>\n<div class=\"wide\" tabindex=\"0\" role=\"group\" aria-label=\"Figure: {}\">\n{}</div>\n\
             <figcaption>{}</figcaption>\n</figure>",
            escaped(&figure.title),
            figure.svg,
            escaped(&figure.description)
        ),
    };
}

/// A sentence; what stands in backticks is code, as it is in Markdown.
fn prose(text: &str) -> String {
    let escaped = escaped(text);
    let parts: Vec<&str> = escaped.split('`').collect();
    if parts.len().is_multiple_of(2) {
        return escaped;
    }
    let code = |(index, part): (usize, &&str)| match index % 2 {
        0 => (*part).to_owned(),
        _ => format!("<code>{part}</code>"),
    };
    parts.iter().enumerate().map(code).collect()
}

fn write_table(html: &mut String, table: &Table) {
    let caption = escaped(&table.caption);
    let _ = write!(
        html,
        "<div class=\"wide\" tabindex=\"0\" role=\"group\" aria-label=\"Table: {caption}\">\n<table>\n\
         <caption>{caption}</caption>\n<thead><tr>"
    );
    for head in &table.head {
        let _ = write!(html, "<th scope=\"col\">{}</th>", escaped(head));
    }
    html.push_str("</tr></thead>\n<tbody>\n");
    for row in &table.rows {
        html.push_str("<tr>");
        for (column, cell) in row.iter().enumerate() {
            let text = escaped(&cell.text);
            let _ = match (column, cell.is_bad) {
                (0, _) => write!(html, "<th scope=\"row\">{text}</th>"),
                (_, true) => write!(html, "<td class=\"bad\">{text}</td>"),
                (_, false) => write!(html, "<td>{text}</td>"),
            };
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</tbody>\n</table>\n</div>\n");
}
