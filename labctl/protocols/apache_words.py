"""Which of Apache's directives are read here, which cannot change who answers, and which could. All in lower case."""

from __future__ import annotations

READ = frozenset(
    (
        *("virtualhost", "location", "locationmatch", "directory", "directorymatch", "proxy", "proxymatch"),
        *("servername", "serveralias", "documentroot", "proxypass", "proxypassmatch", "proxypassreverse"),
        *("proxypreservehost", "proxyaddheaders", "requestheader", "setenvif", "setenvifnocase", "rewriteengine"),
        *("rewriterule", "rewritecond", "alias", "aliasmatch", "scriptalias", "scriptaliasmatch", "redirect"),
        *("redirectmatch", "redirectpermanent", "redirecttemp", "directoryindex", "directoryslash", "require"),
        *("options", "allowencodedslashes", "mergeslashes", "balancermember", "proxyset", "define", "undefine"),
        *("loadmodule", "include", "includeoptional", "header", "proxyrequests", "proxytimeout", "listen"),
        *("requireall", "requireany", "sslengine", "sslproxyengine", "proxyvia", "fallbackresource"),
        *("usecanonicalname", "browsermatch", "browsermatchnocase", "proxypassinherit", "proxyiobuffersize"),
        *("allowoverride", "proxypassreversecookiedomain", "proxypassreversecookiepath"),
    )
)

MATTERS: dict[str, str] = {
    "if": "holds for some requests only",
    "elseif": "holds for some requests only",
    "else": "holds for some requests only",
    "files": "holds for some file names only",
    "filesmatch": "holds for some file names only",
    "limit": "holds for some methods only",
    "limitexcept": "holds for some methods only",
    "macro": "makes lines out of a pattern",
    "use": "makes lines out of a pattern",
    "requirenone": "refuses some visitors",
    "order": "refuses some visitors (the way of Apache 2.2)",
    "allow": "refuses some visitors (the way of Apache 2.2)",
    "deny": "refuses some visitors (the way of Apache 2.2)",
    "satisfy": "says which of the access rules must agree",
    "authtype": "asks for a password first",
    "authname": "asks for a password first",
    "authuserfile": "asks for a password first",
    "authbasicprovider": "asks for a password first",
    "rewriteoptions": "changes how rules are taken over",
    "rewritemap": "makes values that rules use",
    "rewritebase": "changes what rules of a folder make",
    "remoteipheader": "takes the visitor's address from a field",
    "remoteipinternalproxy": "takes the visitor's address from a field",
    "remoteiptrustedproxy": "takes the visitor's address from a field",
    "remoteipproxyprotocol": "takes the visitor's address from a first line",
    "wsgiscriptalias": "answers with mod_wsgi",
    "wsgiscriptaliasmatch": "answers with mod_wsgi",
    "sethandler": "says who answers",
    "addhandler": "says who answers",
    "action": "says who answers",
    "userdir": "takes /~name",
    "virtualdocumentroot": "makes the folder out of the host's name",
    "virtualscriptalias": "makes the folder out of the host's name",
    "proxypassinterpolateenv": "puts variables into ProxyPass",
    "proxyremote": "asks by way of another proxy",
    "proxyblock": "refuses some backends",
    "proxyerroroverride": "answers errors of the backend itself",
    "errordocument": "may ask another path when something fails",
    "sslverifyclient": "wants a certificate of the client",
    "sslrequiressl": "refuses http",
    "setenvifexpr": "sets a variable on a condition",
    "setenv": "sets a variable for later",
    "passenv": "sets a variable for later",
    "unsetenv": "takes a variable away",
    "cacheenable": "answers out of a cache",
    "substitute": "changes what is answered",
    "multiviews": "chooses a file itself",
    "serverpath": "chooses the host by path",
    "acceptpathinfo": "lets a path go on behind a file",
    "redirectrelative": "changes the form of a Location",
    "dav": "answers other methods itself",
}

_HARMLESS = frozenset(
    (
        *("serverroot", "serveradmin", "serversignature", "servertokens", "errorlog", "customlog", "logformat"),
        *("loglevel", "transferlog", "globallog", "pidfile", "mutex", "defaultruntimedir", "user", "group", "timeout"),
        *("keepalive", "maxkeepaliverequests", "keepalivetimeout", "hostnamelookups", "accessfilename"),
        *("startservers", "minsparethreads", "maxsparethreads", "minspareservers", "maxspareservers", "serverlimit"),
        *("threadlimit", "threadsperchild", "maxrequestworkers", "maxclients", "maxconnectionsperchild"),
        *("maxrequestsperchild", "listenbacklog", "addtype", "addencoding", "addlanguage", "addcharset"),
        *("adddefaultcharset", "defaulttype", "typesconfig", "indexoptions", "indexignore", "readmename"),
        *("headername", "addicon", "addiconbytype", "addiconbyencoding", "defaulticon", "fileetag", "enablesendfile"),
        *("enablemmap", "traceenable", "contentdigest", "usecanonicalphysicalport", "limitrequestbody"),
        *("limitrequestfields", "limitrequestfieldsize", "limitrequestline", "protocols", "protocolshonororder"),
        *("httpprotocoloptions", "forcetype", "mimemagicfile", "addoutputfilterbytype", "addoutputfilter"),
        *("setoutputfilter", "expiresactive", "expiresbytype", "expiresdefault", "filterdeclare", "filterprovider"),
        *("filterchain", "requestreadtimeout", "proxybadheader", "proxymaxforwards", "proxystatus", "proxydomain"),
        *("proxyreceivebuffersize", "proxysourceaddress", "balancergrowth", "balancerpersist", "balancerinherit"),
        *("extendedstatus", "seerequesttail", "languagepriority", "forcelanguagepriority", "graceful"),
        *("bufferedlogs", "bandwidth", "setinputfilter", "namevirtualhost", "h2push", "h2direct"),
        *("coredumpdirectory", "scoreboardfile", "gracefulshutdowntimeout", "threadstacksize", "asyncrequestworkerfactor"),
        *("wsgidaemonprocess", "wsgiprocessgroup", "wsgiapplicationgroup", "wsgipassauthorization", "error"),
        *("mddomain", "mdcertificateagreement", "suexecusergroup", "stickysession", "warning"),
    )
)
_HARMLESS_FAMILIES = ("ssl", "h2", "md", "deflate", "brotli", "cache", "log", "proxyhc", "proxyhtml", "ratelimit")


def is_harmless(key: str) -> bool:
    """Whether a directive cannot change who answers."""
    return key not in MATTERS and (key in _HARMLESS or key.startswith(_HARMLESS_FAMILIES))
