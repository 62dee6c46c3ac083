"""Markdown that would like to run a script, load something, or be another part of the page.

After OWASP's list of filter evasions, the trackers of Markdown renderers, and DOMPurify's tests.
"""

TARGETS = [
    *("javascript:alert(1)", "JaVaScRiPt:alert(1)", "&#106;avascript:alert(1)", "vbscript:x"),
    *("java&#9;script:alert(1)", "java&#10;script:x", " javascript:x", "&#1;javascript:x"),
    *("data:text/html;base64,PHNjcmlwdD4=", "file:///etc/passwd", "blob:x", "//evil.example"),
    *("feed:javascript:x", "javascript&colon;x", "javascript%3Ax", "view-source:x", "\\\\evil"),
    *("/accounts/logout/", "?delete=1", "#x", "https://a@evil.example", "https:evil.example", ""),
]
FORMS = [
    *("[a]({})", "[a](<{}>)", "<{}>", "[a][1]\n\n[1]: {}", "![a]({})", '[a]({} "t")', "{}"),
    *("[![a]({})]({})", "[a]: {}\n\n[a]", "> [a]({})", "| [a]({}) |\n|-|", "# [a]({})"),
    *("**[a]({})**", "[`a`]({})", "[$a$]({})", "- [ ] [a]({})"),
]
RAW = [  # HTML, to be shown as text
    "<script>alert(1)</script>",
    "a <img src=x onerror=alert(1)> b",
    "<div onclick='x()'>\n\nhi</div>",
    "- <iframe src='http://evil'></iframe>",
    "> <style>*{display:none}</style>",
    "| <b>a</b> |\n|---|\n| <svg onload=x()> |",
    "```html\n<script>x()</script>\n```",
    "<!-- comment --><?php x() ?><![CDATA[x]]>",
    "text\n<details open ontoggle=x()>",
    "$<script>$ \\[<script>\\]",
    '``` "onmouseover=x()<script>\ncode\n```',
    "# <marquee>\n<form action=x>\n===",
]
HOSTILE = [
    *[form.replace("{}", target) for form in FORMS for target in TARGETS],
    *RAW,
    r"$<script>$ \[<script>\] $\text{<script>}$ $\text{</math><script>}$",
    '```x"onclick="x()"\ncode\n```',
    "```python highlight composer\nx\n```",
    "```math\n\\href{javascript:x}{y}\n```",
    '[a](https://b.example/"onmouseover=alert(1)) <https://x/"onclick=alert(1)>',
    '![" onerror="alert(1)](https://b.example/p.png)',
    '![a](https://b.example/p.png "\' onerror=alert(1)")',
    '[a](https://b.example "</a><script>alert(1)</script>")',
    "`</code><script>alert(1)</script>`",
    "    </code></pre><script>alert(1)</script>",
    "~~~ </code></pre><script>\nx\n~~~",
    "<a href=javascript:x>a</a> <base href=//evil> <meta http-equiv=refresh content=0>",
    "<svg><style><img src=x onerror=alert(1)></style></svg>",
    "<math><mtext><table><mglyph><style><!--</style><img src onerror=alert(1)>",
    "$\\style{x:y}{a} \\class{composer}{a} \\cssId{x}{a} \\unicode{60}$",
    "$\\begin{array}{c|c<script>} a & b \\end{array}$",
    "$\\color{red;background:url(//evil)}x$ $\\includegraphics{//evil}$",
    "&lt;script&gt;alert(1)&lt;/script&gt; &#60;script&#62;",
    "<x\x00script>alert(1)</script> <\u200bscript>",
    "<textarea><title><noscript><plaintext><xmp><template>",
    "<div class=block><article id=composer data-state=complete>",
    '<span class="host">(bank.example)</span> <bdi class=host>(bank.example)</bdi>',
    "\u202e<tpircs> \u2066[a](https://b.example)",
    "[a](https://b.example\u202e/moc.knab)",
]
