"""Configurations of Apache, and paths to ask: what we say about each is compared with what the real Apache does."""

from __future__ import annotations

from protocols.asked_apache import case
from protocols.asked_nginx import Case

_LIES = (("X-Forwarded-For", "6.6.6.6"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "evil.test"), ("X-A", "mine"))
_STATIC = ("/static/app.css", "/static", "/static/", "/static/none.css", "/staticx", "/static../secret.txt", "/")
_ALIAS = "Alias /static /srv/www/static"
_ALL = "ProxyPass / http://127.0.0.1:8000/"

CASES: tuple[Case, ...] = (
    case("the catch-all alone", _ALL, "/", "/a?b=c", "/a//b", "/a/../b", "/..", "/%41", "/a%20b", "/a%2Fb", "/a%3Fb", "/a%25b", "/%", "/a%00", "/a;b=c", "/a/%2e%2e/b", "/a+b", "/a/.", "/a/..", "/é".encode().decode("latin-1"), "/a~b", "/a[b]", "/a%5Bb", "/a'b", "/a%27b", "/a%22b"),
    case("the course's own: alias before the catch-all", f"{_ALIAS}\n{_ALL}", *_STATIC),
    case("alias behind the catch-all", f"{_ALL}\n{_ALIAS}", *_STATIC),
    case("an exception before the catch-all", f"ProxyPass /static !\n{_ALL}\n{_ALIAS}", *_STATIC),
    case("an exception behind the catch-all", f"{_ALL}\nProxyPass /static !\n{_ALIAS}", *_STATIC),
    case("an exception in a section", f"{_ALL}\n{_ALIAS}\n<Location /static>\nProxyPass !\n</Location>", *_STATIC),
    case("an exception by the environment", f"{_ALL}\n{_ALIAS}\nSetEnvIf Request_URI ^/static/ no-proxy", *_STATIC),
    case("the catch-all in a section", f"<Location />\nProxyPass http://127.0.0.1:8000/\n</Location>\n{_ALIAS}", *_STATIC),
    case("two sections, the wider last", "<Location /a>\nProxyPass http://127.0.0.1:8001/A\n</Location>\n<Location />\nProxyPass http://127.0.0.1:8000/\n</Location>", "/a/x", "/b"),
    case("two sections, the narrower last", "<Location />\nProxyPass http://127.0.0.1:8000/\n</Location>\n<Location /a>\nProxyPass http://127.0.0.1:8001/A\n</Location>", "/a/x", "/a", "/ab", "/b"),
    case("a section and a line", "ProxyPass /a http://127.0.0.1:8001/line\n<Location /a/b>\nProxyPass http://127.0.0.1:8000/section\n</Location>", "/a/b/x", "/a/x", "/x"),
    case("on the boundary of a segment", "ProxyPass /api http://127.0.0.1:8001/v1\nProxyPass / http://127.0.0.1:8000/ROOT/", "/api", "/api/", "/api/x", "/apifoo", "/API", "//api/x", "/api//x", "/ap"),
    case("the wider first", "ProxyPass / http://127.0.0.1:8000/ROOT/\nProxyPass /api http://127.0.0.1:8001/API", "/api/x", "/x"),
    case("slashes on both sides", "ProxyPass /api/ http://127.0.0.1:8000/", "/api/", "/api/x", "/api"),
    case("slashes on neither side", "ProxyPass /api http://127.0.0.1:8000", "/api/x", "/api"),
    case("a slash at the backend only", "ProxyPass /api http://127.0.0.1:8000/", "/api/x", "/api"),
    case("a path and no canon", "ProxyPass /a http://127.0.0.1:8000/b nocanon\nAllowEncodedSlashes NoDecode", "/a/x%2Fy", "/a/x%20y", "/a//x"),
    case("encoded slashes decoded", "AllowEncodedSlashes On\nProxyPass / http://127.0.0.1:8000/", "/a%2Fb"),
    case("encoded slashes kept", "AllowEncodedSlashes NoDecode\nProxyPass / http://127.0.0.1:8000/", "/a%2Fb", "/a%20b"),
    case("by pattern", "ProxyPassMatch ^/img/(.*\\.png)$ http://127.0.0.1:8001/pics/$1\nProxyPassMatch ^/none/ !\nProxyPassMatch \\.php$ http://127.0.0.1:8002\nProxyPass / http://127.0.0.1:8000/", "/img/a.png", "/img/a.gif", "/none/x", "/a/x.php", "/img/a.png?x=1"),
    case("by pattern in a section", "<LocationMatch ^/v(\\d)/(.*)$>\nProxyPassMatch http://127.0.0.1:8001/version/$1/$2\n</LocationMatch>", "/v1/x", "/vx/y"),
    case("rewritten with P", f"RewriteEngine On\nRewriteRule ^/app/(.*)$ http://127.0.0.1:8001/$1 [P]\n{_ALIAS}\nProxyPass /static http://127.0.0.1:8000/static", "/app/x", "/app/x?y=1", "/static/app.css", "/about.html", "/app/a%20b"),
    case("rewritten with P, all but files", "RewriteEngine On\nRewriteCond %{DOCUMENT_ROOT}%{REQUEST_URI} !-f\nRewriteRule ^/(.*)$ http://127.0.0.1:8000/$1 [P,L]", "/about.html", "/x", "/static/app.css", "/"),
    case("rewritten to a file", f"RewriteEngine On\nRewriteRule ^/s/(.*)$ /static/$1 [L]\nRewriteRule ^/p/(.*)$ /static/$1 [PT]\n{_ALL}", "/s/app.css", "/p/app.css", "/s/none", "/x"),
    case("rewritten to elsewhere", f"RewriteEngine On\nRewriteRule ^/old/(.*)$ /new/$1 [R=301,L]\nRewriteRule ^/go$ https://other.test/ [R]\nRewriteRule ^/whole$ http://other.test/w\nRewriteRule ^/q$ /x?a=1 [R,QSA]\nRewriteRule ^/d$ /x? [R]\nRewriteRule ^/f - [F]\nRewriteRule ^/g - [G]\n{_ALL}", "/old/x", "/old/a%20b?y=1", "/go", "/whole", "/q?b=2", "/d?b=2", "/f", "/g", "/x"),
    case("https only", f"RewriteEngine On\nRewriteCond %{{HTTPS}} off\nRewriteRule ^(.*)$ https://%{{HTTP_HOST}}%{{REQUEST_URI}} [R=301,L]\n{_ALL}", "/x?y=1", "/"),
    case("conditions", f"RewriteEngine On\nRewriteCond %{{HTTP_HOST}} ^www\\. [OR]\nRewriteCond %{{REQUEST_URI}} ^/api/(v\\d)\nRewriteCond %{{REQUEST_METHOD}} =GET\nRewriteRule ^ http://127.0.0.1:8001/%1%{{REQUEST_URI}} [P]\nRewriteCond %{{QUERY_STRING}} (^|&)x=([^&]*) [NC]\nRewriteRule ^/y$ /z/%2? [R]\n{_ALL}", "/api/v1/a", "/a", "/y?X=5"),
    case("a variable of a rule", f"RewriteEngine On\nRewriteRule ^/static/ - [E=no-proxy:1]\n{_ALL}\n{_ALIAS}", *_STATIC),
    case("rules that are off", f"RewriteRule ^ - [F]\n{_ALL}", "/x"),
    case("redirect and the catch-all", f"Redirect permanent /old /new\n{_ALL}", "/old", "/x"),
    case("redirect without a proxy", "Redirect permanent /old /new\nRedirectMatch 302 ^/m/(.*)$ https://other.test/$1\nRedirect gone /gone\nRedirect /e https://other.test/x\nRedirect 307 /t /u", "/old", "/old/x?y=1", "/oldx", "/m/a", "/gone", "/e/y", "/t"),
    case("redirect in a section", f"{_ALL}\n<Location /old>\nRedirect permanent /new\n</Location>", "/old", "/old/x", "/x"),
    case("aliases in order", "Alias /static/js /srv/media\nAlias /static /srv/www/static\nAliasMatch ^/m/(.*)$ /srv/media/$1", *_STATIC, "/static/js/a.png", "/static/js/a.js", "/m/a.png"),
    case("aliases, the wider first", "Alias /static /srv/www/static\nAlias /static/js /srv/media", "/static/js/a.png", "/static/js/a.js"),
    case("alias with slashes", "Alias /static/ /srv/www/static/", *_STATIC),
    case("alias with one slash", "Alias /static /srv/www/static/", *_STATIC),
    case("alias in a section", "<Location /s>\nAlias /srv/www/static\n</Location>", "/s/app.css", "/s"),
    case("files", "DirectoryIndex index.htm index.html", "/", "/docs/", "/docs", "/about.html", "/none", "/empty/", "/static", "/about.html/x", "/a%20b.txt", "/static/../secret.txt", "/docs?x=1"),
    case("folders listed", "<Directory /srv/www/static>\nOptions +Indexes\n</Directory>\n<Directory /srv/www>\nDirectoryIndex about.html\n</Directory>", "/", "/docs/"),
    case("folders refused", "<Directory /srv/www/static>\nRequire all denied\n</Directory>\n<Location /admin>\nRequire all denied\n</Location>", "/static/app.css", "/about.html", "/static/"),
    case("a folder let in again", "<Directory /srv>\nRequire all denied\n</Directory>\n<Directory /srv/www/docs>\nRequire all granted\n</Directory>", "/docs/index.html", "/about.html"),
    case("headers that Apache adds", _ALL, "/", fields=_LIES),
    case("headers of honest visitors", _ALL, "/"),
    case("headers not added", f"ProxyAddHeaders Off\n{_ALL}", "/", fields=_LIES),
    case("the host kept", f"ProxyPreserveHost On\n{_ALL}", "/", fields=_LIES),
    case("headers set", f"{_ALL}\nProxyPreserveHost On\nRequestHeader set X-Forwarded-Proto https\nRequestHeader unset X-Forwarded-For\nRequestHeader append X-A yours\nRequestHeader add X-B one\nRequestHeader setifempty X-Real-IP none", "/", fields=_LIES),
    case("headers set in a section", f"{_ALL}\nRequestHeader set X-A server\n<Location /a>\nRequestHeader set X-A section\nProxyPreserveHost On\n</Location>\n<Location /a/b>\nRequestHeader set X-B expr=%{{REQUEST_SCHEME}}\n</Location>", "/", "/a", "/a/b", fields=_LIES),
    case("headers by the environment", f"{_ALL}\nSetEnvIf Request_URI ^/a here\nRequestHeader set X-A yes env=here\nRequestHeader set X-B no env=!here", "/a", "/b"),
    case("underscores", _ALL, "/", fields=(("X_A", "with"), ("X-B", "b"))),
    case("a balancer", "<Proxy balancer://apps>\nBalancerMember http://127.0.0.1:8002\n</Proxy>\nProxyPass /b balancer://apps/base\nProxyPass / balancer://apps/", "/b/x", "/x"),
    case("sections with stars", "<Location /a/*/c>\nProxyPass !\n</Location>\n<LocationMatch ^/m>\nRequestHeader set X-A m\n</LocationMatch>\nProxyPass / http://127.0.0.1:8000/", "/m", "/am", "/a/b/c", "/a/b/c/d", "/a/c"),
    case("a section with a slash", "<Location /a/>\nRequestHeader set X-A in\n</Location>\nProxyPass / http://127.0.0.1:8000/", "/a", "/a/", "/a/b", "/ab"),
    case("slashes kept", "MergeSlashes Off\nProxyPass /a http://127.0.0.1:8001/A\nProxyPass / http://127.0.0.1:8000/", "/a//b", "//a/b", "/x//y"),
    case("methods", _ALL, "/x", method="POST"),
    *(
        case(f"the name {host}", "".join(f"<VirtualHost *:80>\nServerName {name}\n{more}ProxyPass / http://127.0.0.1:800{number}/\n</VirtualHost>\n" for number, (name, more) in enumerate((("first.test", ""), ("shop.test", "ServerAlias www.shop.test *.shop.org\n"), ("w.test", "ServerAlias w?.test\n")))), "/", hosts=True, host=host)
        for host in ("shop.test", "www.shop.test", "a.shop.org", "shop.org", "nobody.test", "wx.test", "SHOP.test", "first.test")
    ),
    case("quotes and lines that go on", "ProxyPass \"/a b\" \\\n  'http://127.0.0.1:8000/q'\n# a comment \\\nProxyPass /x http://127.0.0.1:8001/\nproxypass / http://127.0.0.1:8002/", "/a%20b/c", "/x/y", "/z"),
    case("names that are defined", "Define backend 127.0.0.1:8001\n<IfModule mod_proxy.c>\nProxyPass / http://${backend}/\n</IfModule>\n<IfModule !mod_proxy.c>\nProxyPass / http://127.0.0.1:8000/\n</IfModule>\n<IfDefine NOBODY>\nProxyPass / http://127.0.0.1:8000/\n</IfDefine>", "/x"),
)
