"""How many arguments each directive of Apache takes, and which names are directives. All in lower case.

Of Apache 2.4 with all of Debian's modules, as it answers itself (`apache2 -t` with a line that has no arguments). What
reads its line by itself (ProxyPass, Header, Require) is not counted.
"""

from __future__ import annotations

from labctl.protocols.proxy_arguments import forms

# "12": one or two; "2+": two or more; "flag": on or off.
_FORMS = {
    "3+": """
        setenvifnocase
        setenvif
    """,
    "1": """
        acceptpathinfo adddefaultcharset allowencodedslashes asyncrequestworkerfactor
        authbasicusedigestalgorithm authdbduserpwquery authdbduserrealmquery authdbmgroupfile
        authdbmtype authdbmuserfile authdigestalgorithm authdigestnoncelifetime authdigestshmemsize
        authformbody authformlocation authformloginrequiredlocation authformloginsuccesslocation
        authformlogoutlocation authformmethod authformmimetype authformpassword authformsitepassphrase
        authformsize authformusername authgroupfile authldapauthorizeprefix authldapbinddn
        authldapbindpassword authldapcharsetconfig authldapdereferencealiases authldapmaxsubgroupdepth
        authldapremoteuserattribute authmerging authname authtype authuserfile authzdbdquery
        authzdbdredirectquery authzdbmtype balancergrowth brotlialteretag brotlicompressionmaxinputblock
        brotlicompressionquality brotlicompressionwindow buffersize cachedefaultexpire cachedirlength
        cachedirlevels cachedisable cachekeybaseurl cachelastmodifiedfactor cachelockmaxage
        cachelockpath cachemaxexpire cachemaxfilesize cacheminexpire cacheminfilesize cachereadsize
        cachereadtime cacheroot cgidscripttimeout charsetdefault charsetsourceenc chrootdir cookiedomain
        cookieexpires cookiename cookiesamesite cookiestyle coredumpdirectory dav davbasepath
        davgenericlockdb davlockdb davmintimeout dbdexptime dbdinitsql dbdkeep dbdmax dbdmin dbdparams
        dbdriver defaulticon defaultlanguage defaulttype deflatealteretag deflatebuffersize
        deflatecompressionlevel deflateinflatelimitrequestbody deflateinflateratioburst
        deflateinflateratiolimit deflatememlevel deflatewindowsize directoryindexredirect documentroot
        enablemmap enablesendfile errorlog expiresdefault fallbackresource flushmaxpipelined
        flushmaxthreshold forcetype forensiclog gracefulshutdowntimeout group h2copyfiles h2direct
        h2earlyhints h2maxdataframelen h2maxheaderblocklen h2maxsessionstreams h2maxstreamerrors
        h2maxworkeridleseconds h2maxworkers h2minworkers h2moderntlsonly h2outputbuffering h2padding
        h2proxyrequests h2push h2pushdiarysize h2serializeheaders h2sessionextrafiles h2streammaxmemsize
        h2streamtimeout h2tlscooldownsecs h2tlswarmupsize h2upgrade h2websockets h2windowsize headername
        hostnamelookups identitychecktimeout imapbase imapdefault imapmenu indexheadinsert
        indexstylesheet inputsed keepalivetimeout keptbodysize ldapcacheentries ldapcachettl
        ldapconnectionpoolttl ldapconnectiontimeout ldaplibrarydebug ldapopcacheentries ldapopcachettl
        ldapreferralhoplimit ldapreferrals ldapretries ldapretrydelay ldapsharedcachefile
        ldapsharedcachesize ldaptimeout ldaptrustedmode limitrequestbody limitrequestfields
        limitrequestfieldsize limitrequestline limitxmlrequestbody listenbacklog listencoresbucketsratio
        listentcpdeferaccept luacodecache luainherit luapackagecpath luapackagepath luaroot maxclients
        maxconnectionsperchild maxkeepaliverequests maxmemfree maxrangeoverlaps maxrangereversals
        maxranges maxrequestsperchild maxrequestworkers maxsparethreads mdactivationdelay mdbaseserver
        mdcacertificatefile mdcertificateagreement mdcertificatefile mdcertificatekeyfile
        mdcertificateprotocol mdcertificatestatus mdchallengedns01version mdcheckinterval mdcontactemail
        mddrivemode mdhttpproxy mdhttpproxycacertificatefile mdinitialdelay mdmatchnames mdmuststaple
        mdprofile mdprofilemandatory mdrenewmode mdrenewviaari mdrenewwindow mdrequirehttps mdretrydelay
        mdretryfailover mdserverstatus mdstapleothers mdstapling mdstaplingkeepresponse
        mdstaplingrenewwindow mdstoredir mdstorelocks mdwarnwindow metadir metasuffix mimemagicfile
        minsparethreads modemstandard namevirtualhost order outputsed pidfile port protocol
        protocolshonororder proxybadheader proxydomain proxyexpressdbmfile proxyexpressdbmtype
        proxyfcgibackendtype proxyftpdircharset proxyhctpsize proxyhtmlbufsize proxyhtmlcharsetout
        proxyiobuffersize proxymaxforwards proxyreceivebuffersize proxyscgiinternalredirect
        proxyscgisendfile proxysourceaddress proxystatus proxytimeout proxyvia readbuffersize readmename
        receivebuffersize remoteipheader remoteipinternalproxylist remoteipproxiesheader
        remoteiptrustedproxylist rewritebase satisfy scoreboardfile scriptlog scriptlogbuffer
        scriptloglength scriptsock sendbuffersize serveradmin serverlimit servername serverpath
        serversignature servertokens sessioncryptocipher sessioncryptopassphrasefile
        sessiondbddeletelabel sessiondbdinsertlabel sessiondbdselectlabel sessiondbdupdatelabel
        sessionexclude sessionexpiryupdateinterval sessionheader sessioninclude sessionmaxage sethandler
        setinputfilter setoutputfilter ssiendtag ssierrormsg ssistarttag ssitimeformat ssiundefinedecho
        sslcacertificatefile sslcacertificatepath sslcadnrequestfile sslcadnrequestpath
        sslcarevocationfile sslcarevocationpath sslcertificatechainfile sslcertificatefile
        sslcertificatekeyfile sslcryptodevice sslengine sslocspdefaultresponder sslocspproxyurl
        sslocsprespondercertificatefile sslocsprespondertimeout sslocspresponsemaxage
        sslocspresponsetimeskew sslpassphrasedialog sslproxycacertificatefile sslproxycacertificatepath
        sslproxycarevocationfile sslproxycarevocationpath sslproxymachinecertificatechainfile
        sslproxymachinecertificatefile sslproxymachinecertificatepath sslproxyverify sslproxyverifydepth
        sslrenegbuffersize sslsessioncache sslsessioncachetimeout sslsessionticketkeyfile
        sslsrpunknownuserseed sslsrpverifierfile sslstaplingcache sslstaplingerrorcachetimeout
        sslstaplingforceurl sslstaplingrespondertimeout sslstaplingresponsemaxage
        sslstaplingresponsetimeskew sslstaplingstandardcachetimeout sslusername sslverifyclient
        sslverifydepth sslvhostsnipolicy startservers substitute substitutemaxlinelength threadlimit
        threadsperchild threadstacksize timeout traceenable transferlog typesconfig usecanonicalname
        usecanonicalphysicalport user virtualdocumentroot virtualdocumentrootip virtualscriptalias
        virtualscriptaliasip watchdoginterval xbithack xml2encdefault
    """,
    "1+": """
        allowconnect anonymous authbasicprovider authdigestdomain authdigestprovider authdigestqop
        authformprovider authldapgroupattribute authldapsubgroupattribute authldapsubgroupclass
        cachefile cacheignoreheaders cacheignoreurlsessionidentifiers charsetoptions extfilteroptions
        forcelanguagepriority httpprotocoloptions indexignore languagepriority loglevel mmapfile
        multiviewsmatch noproxy passenv protocols proxyblock proxyerroroverride proxyhtmlevents
        proxyhtmlfixups registerhttpmethod remoteipinternalproxy remoteiptrustedproxy removecharset
        removeencoding removehandler removeinputfilter removelanguage removeoutputfilter removetype
        rewriteoptions sessioncryptopassphrase unsetenv xml2startparse
    """,
    "12": """
        alias authbasicfake authldapurl brotlifilternote cacheenable dbdpreparesql deflatefilternote
        errorlogformat filterdeclare limitinternalrecursion logformat mdexternalaccountbinding mdportmap
        proxyhtmldoctype reflectorheader rlimitcpu rlimitmem rlimitnproc scriptalias setenv
        sslciphersuite sslproxyciphersuite
    """,
    "123": "h2pushresource logmessage luascope proxypassreverse redirect",
    "2": """
        loadmodule
        acceptfilter addmoduleinfo aliasmatch authldapinitialbindpattern cgivar errordocument
        expiresbytype filtertrace h2earlyhint indexorderdefault luahookfixups luahookinsertfilter
        luahooklog luahookmaptostorage luahookpretranslatename luahooktypechecker luaquickhandler
        mdcertificatecheck redirectpermanent redirecttemp script scriptaliasmatch sslopensslconfcmd
        suexecusergroup
    """,
    "2+": """
        browsermatchnocase
        browsermatch
        rewritecond
        rewriterule
        addalt addaltbyencoding addaltbytype addcharset adddescription addencoding addhandler addicon
        addiconbyencoding addiconbytype addinputfilter addlanguage addoutputfilter addoutputfilterbytype
        addtype allow deny proxyhtmllinks xml2encalias
    """,
    "23": """
        action customlog filterprotocol globallog h2pushpriority ldaptrustedclientcert
        ldaptrustedglobalcert luahookaccesschecker luahookauthchecker luahookcheckuserid
        luahooktranslatename luamaphandler proxyfcgisetenvif proxypassreversecookiedomain
        proxypassreversecookiepath proxyremote proxyremotematch redirectmatch rewritemap sslrandomseed
    """,
    "3": "filterprovider luainputfilter luaoutputfilter",
    "flag": """
        aliaspreservepath authbasicauthoritative authdigestnccheck authformauthoritative
        authformdisablenostore authformfakebasicauth authldapbindauthoritative authldapcompareasuser
        authldapcomparednonserver authldapgroupattributeisdn authldapinitialbindasuser
        authldapremoteuserisdn authldapsearchasuser authzdbdlogintoreferer authzsendforbiddenonfailure
        balancerinherit balancerpersist bufferedlogs cachedetailheader cacheheader
        cacheignorecachecontrol cacheignorenolastmod cacheignorequerystring cachelock
        cachenegotiateddocs cachequickhandler cachestaleonerror cachestoreexpired cachestorenostore
        cachestoreprivate casefilter casefilterin cgipassauth checkbasenamematch checkcaseonly
        checkspelling contentdigest cookiehttponly cookiesecure cookietracking davdepthinfinity
        davlockdiscovery dbdpersist directorycheckhandler directoryslash dumpioinput dumpiooutput
        expiresactive extendedstatus identitycheck indexignorereset keepalive ldapverifyservercert
        logiotrackttfb mergeslashes mergetrailers metafiles modmimeusepathinfo protocolecho
        proxy100continue proxyaddheaders proxyexpressenable proxyftpescapewildcards
        proxyftplistonwildcard proxyhtmlenable proxyhtmlextended proxyhtmlinterp proxyhtmlmeta
        proxyhtmlstripcomments proxypassinherit proxypassinterpolateenv proxypreservehost proxyrequests
        proxywebsocketfallbacktoproxyhttp qualifyredirecturl redirectrelative remoteipproxyprotocol
        rewriteengine seerequesttail session sessioncookieremove sessiondbdcookieremove
        sessiondbdperuser sessionenv ssietag ssilastmodified ssilegacyexprparser sslcompression sslfips
        sslhonorcipherorder sslinsecurerenegotiation sslocspnoverify sslocspoverrideresponder
        sslocspuserequestnonce sslproxycheckpeercn sslproxycheckpeerexpire sslproxycheckpeername
        sslproxyengine sslsessiontickets sslstaplingfaketrylater sslstaplingreturnrespondererrors
        sslstrictsnivhostcheck sslusestapling stricthostcheck substituteinheritbefore suexec
    """,
}

# Sections, such as read their line by themselves, and those of mod_wsgi and PHP.
_UNCOUNTED = """
    accessfilename allowmethods allowoverride allowoverridelist authnprovideralias
    authnzfcgicheckauthnprovider authnzfcgidefineprovider authzprovideralias balancermember
    defaultruntimedir define directory directoryindex directorymatch else elseif error extfilterdefine
    fancyindexing fileetag files filesmatch filterchain header if ifdefine ifdirective iffile ifmodule
    ifsection ifversion include includeoptional indexoptions limit limitexcept listen loadfile location
    locationmatch luaauthzprovider luahookaccesschecker luahookauthchecker luahookcheckuserid
    luahookfixups luahookmaptostorage luahookpretranslatename luahooktranslatename luahooktypechecker
    luaquickhandler macro macroignorebadnesting macroignoreemptyargs mdcachallenges
    mdcertificateauthority mdchallengedns01 mdmember mdmembers mdmessagecmd mdnotifycmd mdomain
    mdomainset mdprivatekeys multiviews mutex options php_admin_flag php_admin_value php_flag php_value
    phpinidir proxy proxyhcexpr proxyhctemplate proxyhtmlurlmap proxymatch proxypass proxypassmatch
    proxyset regexdefaultoptions remoteipproxyprotocolexceptions requestheader requestreadtimeout
    require requireall requireany requirenone serveralias serverroot sessioncookiename
    sessioncookiename2 sessioncryptodriver sessiondbdcookiename sessiondbdcookiename2 setenvifexpr
    sslcarevocationcheck ssllog sslloglevel sslocspenable ssloptions sslprotocol
    sslproxycarevocationcheck sslproxyprotocol sslrequire sslrequiressl undefine undefmacro use userdir
    virtualhost warning maxspareservers minspareservers
    wsgiaccessscript wsgiapplicationgroup wsgiauthuserscript wsgicasesensitivity
    wsgichunkedrequest wsgidaemonprocess wsgidestroyinterpreter wsgierroroverride wsgiimportscript
    wsgilazyinitialization wsgipassauthorization wsgiprocessgroup wsgipythonhome wsgipythonoptimize
    wsgipythonpath wsgipythonwarnings wsgirestrictembedded wsgirestrictsignal wsgirestrictstdin
    wsgirestrictstdout wsgiscriptalias wsgiscriptaliasmatch wsgisocketprefix wsgisocketrotation
    wsgiverbosedebugging
"""

FORMS = forms(_FORMS)
KNOWN = frozenset((*FORMS, *_UNCOUNTED.split()))
