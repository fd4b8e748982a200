"""Which of nginx's directives are read here, which cannot change who answers, and which could."""

from __future__ import annotations

# Understood.
READ = frozenset(
    (
        *("http", "server", "location", "upstream", "map", "if", "include", "listen", "server_name", "root"),
        *(
            "alias",
            "index",
            "try_files",
            "return",
            "rewrite",
            "set",
            "break",
            "proxy_pass",
            "proxy_set_header",
        ),
        *(
            "proxy_http_version",
            "add_header_inherit",
            "proxy_buffering",
            "proxy_request_buffering",
            "add_header",
            "internal",
        ),
        *("merge_slashes", "error_page", "proxy_redirect", "underscores_in_headers", "resolver", "keepalive"),
        *("default_type", "types", "autoindex", "deny", "allow", "proxy_pass_request_headers", "default"),
        *("proxy_read_timeout", "client_max_body_size", "proxy_pass_header", "proxy_hide_header"),
        *("proxy_cache", "gzip", "ssl", "charset", "server_tokens", "events", "hostnames", "volatile"),
        *("absolute_redirect", "port_in_redirect", "server_name_in_redirect", "recursive_error_pages"),
    )
)

# They can change who answers, with what, or which fields arrive; they are not followed.
MATTERS: dict[str, str] = {
    "auth_basic": "asks for a password first",
    "auth_basic_user_file": "asks for a password first",
    "auth_request": "asks another location for leave first",
    "satisfy": "says which of the access rules must agree",
    "limit_except": "treats other methods otherwise",
    "limit_req": "may answer 503",
    "limit_conn": "may answer 503",
    "real_ip_header": "takes the visitor's address from a field",
    "set_real_ip_from": "takes the visitor's address from a field",
    "real_ip_recursive": "takes the visitor's address from a field",
    "geo": "makes a variable",
    "split_clients": "makes a variable",
    "geoip_country": "makes variables",
    "perl_set": "makes a variable",
    "js_set": "makes a variable",
    "js_content": "answers itself",
    "proxy_method": "changes the method",
    "proxy_set_body": "changes the body",
    "proxy_intercept_errors": "answers errors of the backend itself",
    "proxy_bind": "asks from another address",
    "proxy_next_upstream": "says when another backend is asked",
    "fastcgi_pass": "answers with FastCGI",
    "uwsgi_pass": "answers with uwsgi",
    "scgi_pass": "answers with SCGI",
    "grpc_pass": "answers with gRPC",
    "memcached_pass": "answers out of memcached",
    "empty_gif": "answers itself",
    "stub_status": "answers itself",
    "random_index": "chooses an index itself",
    "dav_methods": "answers PUT and DELETE itself",
    "secure_link": "makes variables",
    "valid_referers": "makes a variable",
    "ssi": "changes what is answered",
    "sub_filter": "changes what is answered",
    "mirror": "asks a second backend too",
    "disable_symlinks": "may refuse a file",
    "ssl_verify_client": "wants a certificate of the client",
    "proxy_protocol": "takes the visitor's address from a first line",
    "gzip_static": "serves NAME.gz instead",
    "proxy_cache_valid": "answers out of a cache",
    "proxy_cookie_path": "changes Set-Cookie",
    "proxy_cookie_domain": "changes Set-Cookie",
}

# They change speed, logs, limits, TLS or what is said about an answer, never who gives it.
_HARMLESS = frozenset(
    (
        *("user", "worker_processes", "worker_connections", "worker_rlimit_nofile", "worker_cpu_affinity"),
        *("pid", "error_log", "access_log", "log_format", "daemon", "master_process", "use", "multi_accept"),
        *(
            "load_module",
            "thread_pool",
            "env",
            "lock_file",
            "pcre_jit",
            "worker_shutdown_timeout",
            "timer_resolution",
        ),
        *("sendfile", "sendfile_max_chunk", "tcp_nopush", "tcp_nodelay", "aio", "directio", "output_buffers"),
        *(
            "send_timeout",
            "reset_timedout_connection",
            "lingering_close",
            "lingering_time",
            "lingering_timeout",
        ),
        *("types_hash_max_size", "types_hash_bucket_size", "server_names_hash_bucket_size", "log_not_found"),
        *(
            "server_names_hash_max_size",
            "variables_hash_max_size",
            "variables_hash_bucket_size",
            "log_subrequest",
        ),
        *("map_hash_max_size", "map_hash_bucket_size", "client_body_temp_path", "client_body_buffer_size"),
        *(
            "client_header_buffer_size",
            "large_client_header_buffers",
            "client_body_timeout",
            "etag",
            "expires",
        ),
        *("client_header_timeout", "client_body_in_file_only", "open_file_cache", "open_file_cache_valid"),
        *("open_file_cache_min_uses", "open_file_cache_errors", "if_modified_since", "postpone_output"),
        *(
            "autoindex_exact_size",
            "autoindex_format",
            "autoindex_localtime",
            "charset_types",
            "override_charset",
        ),
        *(
            "proxy_connect_timeout",
            "proxy_send_timeout",
            "proxy_buffers",
            "proxy_buffer_size",
            "proxy_temp_path",
        ),
        *(
            "proxy_busy_buffers_size",
            "proxy_max_temp_file_size",
            "proxy_temp_file_write_size",
            "proxy_socket_keepalive",
        ),
        *(
            "proxy_headers_hash_max_size",
            "proxy_headers_hash_bucket_size",
            "proxy_ignore_headers",
            "proxy_force_ranges",
        ),
        *("proxy_cache_path", "proxy_cache_key", "proxy_cache_bypass", "proxy_no_cache", "proxy_cache_lock"),
        *("proxy_cache_use_stale", "proxy_cache_methods", "proxy_cache_min_uses", "proxy_cache_revalidate"),
        *(
            "proxy_cache_background_update",
            "proxy_cache_lock_timeout",
            "proxy_cache_lock_age",
            "proxy_limit_rate",
        ),
        *(
            "proxy_next_upstream_tries",
            "proxy_next_upstream_timeout",
            "proxy_ignore_client_abort",
            "proxy_store",
        ),
        *(
            "proxy_pass_request_body",
            "proxy_pass_trailers",
            "limit_req_zone",
            "limit_conn_zone",
            "limit_req_status",
        ),
        *(
            "limit_conn_status",
            "limit_req_log_level",
            "limit_rate",
            "limit_rate_after",
            "max_ranges",
            "http2",
        ),
        *(
            "keepalive_timeout",
            "keepalive_requests",
            "keepalive_disable",
            "keepalive_time",
            "resolver_timeout",
        ),
        *(
            "zone",
            "least_conn",
            "ip_hash",
            "hash",
            "random",
            "state",
            "queue",
            "sticky",
            "quic_retry",
            "http3",
        ),
        *(
            "fastcgi_temp_path",
            "uwsgi_temp_path",
            "scgi_temp_path",
            "add_trailer",
            "default_type",
            "rewrite_log",
        ),
        *(
            "uninitialized_variable_warn",
            "chunked_transfer_encoding",
            "connection_pool_size",
            "request_pool_size",
        ),
        *(
            "ignore_invalid_headers",
            "read_ahead",
            "subrequest_output_buffer_size",
            "msie_padding",
            "msie_refresh",
        ),
    )
)
_HARMLESS_FAMILIES = (
    "ssl_",
    "gzip_",
    "proxy_ssl_",
    "gunzip",
    "brotli",
    "http2_",
    "autoindex_",
    "otel_",
    "acme_",
)
# FastCGI and the like: what belongs to an answer that is not followed anyway.
_OTHER_GATEWAYS = ("fastcgi_", "uwsgi_", "scgi_", "grpc_", "memcached_")


def is_harmless(name: str) -> bool:
    """Whether a directive cannot change who answers."""
    if name in MATTERS:
        return False
    return name in _HARMLESS or name.startswith((*_HARMLESS_FAMILIES, *_OTHER_GATEWAYS))
