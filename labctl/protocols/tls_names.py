"""The numbers of TLS and their names (IANA "TLS Parameters"), with one plain sentence where a learner meets them."""

from __future__ import annotations

# RFC 8446 section 6, RFC 5246 section 7.2; where OpenSSL has only one word for two, the newer name stands.
ALERTS: dict[int, tuple[str, str]] = {
    0: ("close_notify", "I have no more to send."),
    10: ("unexpected_message", "This message does not belong here."),
    20: ("bad_record_mac", "A record was changed on the way, or the keys differ."),
    21: ("decryption_failed", "A record could not be decrypted."),
    22: ("record_overflow", "A record is longer than allowed."),
    30: ("decompression_failure", "A record could not be unpacked."),
    40: ("handshake_failure", "We have nothing in common: no cipher, group or signature that both want."),
    41: ("no_certificate", "There is no certificate."),
    42: ("bad_certificate", "The certificate is wrong in itself, or for another name."),
    43: ("unsupported_certificate", "A certificate of this kind, or for this purpose, is not accepted."),
    44: ("certificate_revoked", "The certificate was revoked by its issuer."),
    45: ("certificate_expired", "The certificate is not valid at this date."),
    46: ("certificate_unknown", "Something else about the certificate was not acceptable."),
    47: ("illegal_parameter", "A field does not fit the others."),
    48: ("unknown_ca", "The chain does not end at an authority that I trust."),
    49: ("access_denied", "The certificate is good, and still you may not come in."),
    50: ("decode_error", "A message could not be read."),
    51: ("decrypt_error", "A signature or a check value in the handshake was wrong."),
    60: ("export_restriction", "Not allowed by export rules."),
    70: ("protocol_version", "This version of TLS is not spoken here."),
    71: ("insufficient_security", "Stronger ciphers are wanted here."),
    80: ("internal_error", "Something went wrong here that has nothing to do with you."),
    86: ("inappropriate_fallback", "You came back with an older version than we both speak."),
    90: ("user_canceled", "The user gave up."),
    100: ("no_renegotiation", "No new handshake inside this connection."),
    109: ("missing_extension", "An extension that is required is missing."),
    110: ("unsupported_extension", "You answered with an extension that was not offered."),
    111: ("certificate_unobtainable", "The certificate could not be fetched."),
    112: ("unrecognized_name", "No server of this name lives here."),
    113: ("bad_certificate_status_response", "The stapled OCSP answer is not acceptable."),
    114: ("bad_certificate_hash_value", "A certificate's hash does not match."),
    115: ("unknown_psk_identity", "This resumption secret is not known here."),
    116: ("certificate_required", "A certificate of the client is required here."),
    117: ("general_error", "Something is wrong, and no other alert says what."),
    120: ("no_application_protocol", "None of the protocols that you offer (ALPN) is spoken here."),
    121: ("ech_required", "Encrypted Client Hello was offered, and the server did not take it."),
}

EXTENSIONS: dict[int, str] = {
    0: "server_name",
    1: "max_fragment_length",
    5: "status_request",
    10: "supported_groups",
    11: "ec_point_formats",
    13: "signature_algorithms",
    16: "alpn",
    17: "status_request_v2",
    18: "signed_certificate_timestamp",
    20: "server_certificate_type",
    21: "padding",
    22: "encrypt_then_mac",
    23: "extended_main_secret",
    27: "compress_certificate",
    28: "record_size_limit",
    34: "delegated_credential",
    35: "session_ticket",
    41: "pre_shared_key",
    42: "early_data",
    43: "supported_versions",
    44: "cookie",
    45: "psk_key_exchange_modes",
    47: "certificate_authorities",
    48: "oid_filters",
    49: "post_handshake_auth",
    50: "signature_algorithms_cert",
    51: "key_share",
    57: "quic_transport_parameters",
    17513: "application_settings",
    17613: "application_settings",
    65037: "encrypted_client_hello",
    65281: "renegotiation_info",
}

GROUPS: dict[int, tuple[str, str]] = {
    23: ("secp256r1", "An elliptic curve of NIST, also called P-256: each side sends one point."),
    24: ("secp384r1", "An elliptic curve of NIST with 384 bits, also called P-384."),
    25: ("secp521r1", "An elliptic curve of NIST with 521 bits, also called P-521."),
    29: ("x25519", "Curve25519: each side sends 32 bytes, and only the two of them can compute the secret."),
    30: ("x448", "Curve448: like x25519, larger and slower."),
    31: ("brainpoolP256r1tls13", "An elliptic curve of the Brainpool group with 256 bits."),
    32: ("brainpoolP384r1tls13", "An elliptic curve of the Brainpool group with 384 bits."),
    33: ("brainpoolP512r1tls13", "An elliptic curve of the Brainpool group with 512 bits."),
    256: ("ffdhe2048", "Diffie-Hellman with numbers of 2,048 bits."),
    257: ("ffdhe3072", "Diffie-Hellman with numbers of 3,072 bits."),
    258: ("ffdhe4096", "Diffie-Hellman with numbers of 4,096 bits."),
    259: ("ffdhe6144", "Diffie-Hellman with numbers of 6,144 bits."),
    260: ("ffdhe8192", "Diffie-Hellman with numbers of 8,192 bits."),
    512: ("MLKEM512", "ML-KEM alone: made to stand up to a quantum computer."),
    513: ("MLKEM768", "ML-KEM alone: made to stand up to a quantum computer."),
    514: ("MLKEM1024", "ML-KEM alone: made to stand up to a quantum computer."),
    4587: ("SecP256r1MLKEM768", "P-256 and ML-KEM together: safe as long as one of the two is."),
    4588: ("X25519MLKEM768", "x25519 and ML-KEM together: a quantum computer alone would not open it."),
    4589: ("SecP384r1MLKEM1024", "P-384 and ML-KEM together: safe as long as one of the two is."),
    25497: ("X25519Kyber768Draft00", "x25519 and a draft of ML-KEM together."),
}

SIGNATURES: dict[int, str] = {
    0x0201: "rsa_pkcs1_sha1",
    0x0203: "ecdsa_sha1",
    0x0401: "rsa_pkcs1_sha256",
    0x0403: "ecdsa_secp256r1_sha256",
    0x0501: "rsa_pkcs1_sha384",
    0x0503: "ecdsa_secp384r1_sha384",
    0x0601: "rsa_pkcs1_sha512",
    0x0603: "ecdsa_secp521r1_sha512",
    0x0804: "rsa_pss_rsae_sha256",
    0x0805: "rsa_pss_rsae_sha384",
    0x0806: "rsa_pss_rsae_sha512",
    0x0807: "ed25519",
    0x0808: "ed448",
    0x0809: "rsa_pss_pss_sha256",
    0x080A: "rsa_pss_pss_sha384",
    0x080B: "rsa_pss_pss_sha512",
    0x081A: "ecdsa_brainpoolP256r1tls13_sha256",
    0x081B: "ecdsa_brainpoolP384r1tls13_sha384",
    0x081C: "ecdsa_brainpoolP512r1tls13_sha512",
    0x0904: "mldsa44",
    0x0905: "mldsa65",
    0x0906: "mldsa87",
}

# The suites of TLS 1.3, and those of 1.2 that are still met; OpenSSL's names for 1.2 are in brackets.
CIPHERS: dict[int, str] = {
    0x1301: "TLS_AES_128_GCM_SHA256",
    0x1302: "TLS_AES_256_GCM_SHA384",
    0x1303: "TLS_CHACHA20_POLY1305_SHA256",
    0x1304: "TLS_AES_128_CCM_SHA256",
    0x1305: "TLS_AES_128_CCM_8_SHA256",
    0x00FF: "TLS_EMPTY_RENEGOTIATION_INFO_SCSV",
    0x5600: "TLS_FALLBACK_SCSV",
    0x000A: "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
    0x002F: "TLS_RSA_WITH_AES_128_CBC_SHA",
    0x0035: "TLS_RSA_WITH_AES_256_CBC_SHA",
    0x003C: "TLS_RSA_WITH_AES_128_CBC_SHA256",
    0x003D: "TLS_RSA_WITH_AES_256_CBC_SHA256",
    0x009C: "TLS_RSA_WITH_AES_128_GCM_SHA256",
    0x009D: "TLS_RSA_WITH_AES_256_GCM_SHA384",
    0x0033: "TLS_DHE_RSA_WITH_AES_128_CBC_SHA",
    0x0039: "TLS_DHE_RSA_WITH_AES_256_CBC_SHA",
    0x0067: "TLS_DHE_RSA_WITH_AES_128_CBC_SHA256",
    0x006B: "TLS_DHE_RSA_WITH_AES_256_CBC_SHA256",
    0x009E: "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256",
    0x009F: "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384",
    0xC009: "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    0xC00A: "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    0xC013: "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    0xC014: "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    0xC023: "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
    0xC024: "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384",
    0xC027: "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
    0xC028: "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384",
    0xC02B: "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    0xC02C: "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    0xC02F: "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    0xC030: "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    0xC09C: "TLS_RSA_WITH_AES_128_CCM",
    0xC09D: "TLS_RSA_WITH_AES_256_CCM",
    0xC09E: "TLS_DHE_RSA_WITH_AES_128_CCM",
    0xC09F: "TLS_DHE_RSA_WITH_AES_256_CCM",
    0xC0AC: "TLS_ECDHE_ECDSA_WITH_AES_128_CCM",
    0xC0AD: "TLS_ECDHE_ECDSA_WITH_AES_256_CCM",
    0xCCA8: "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    0xCCA9: "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    0xCCAA: "TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
}

HANDSHAKES: dict[int, str] = {
    0: "HelloRequest",
    1: "ClientHello",
    2: "ServerHello",
    4: "NewSessionTicket",
    5: "EndOfEarlyData",
    8: "EncryptedExtensions",
    11: "Certificate",
    12: "ServerKeyExchange",
    13: "CertificateRequest",
    14: "ServerHelloDone",
    15: "CertificateVerify",
    16: "ClientKeyExchange",
    20: "Finished",
    22: "CertificateStatus",
    24: "KeyUpdate",
    25: "CompressedCertificate",
    254: "MessageHash",
}

VERSIONS: dict[int, str] = {
    0x0300: "SSL 3.0",
    0x0301: "TLS 1.0",
    0x0302: "TLS 1.1",
    0x0303: "TLS 1.2",
    0x0304: "TLS 1.3",
}

_ALPN = {
    "h2": "HTTP/2: many requests side by side on this one connection.",
    "http/1.1": "HTTP/1.1: one request after the other.",
    "http/1.0": "HTTP/1.0: one request, and the connection is closed.",
    "dot": "DNS over TLS.",
    "h3": "HTTP/3, which is met over QUIC and not over TCP.",
}


def is_grease(number: int) -> bool:
    """A value that means nothing and must be ignored: clients send it so that servers learn to (RFC 8701)."""
    return number & 0x0F0F == 0x0A0A and number >> 8 == number & 0xFF


def alert_name(number: int) -> str:
    """`unknown_ca`, or `number 118` for one without a name."""
    return ALERTS[number][0] if number in ALERTS else f"number {number}"


def alert_sentence(name: str) -> str:
    """What an alert says, in plain words."""
    return next((text for known, text in ALERTS.values() if known == name), "Its number has no name.")


def extension_name(number: int) -> str:
    """`server_name`, `GREASE`, or the number."""
    return EXTENSIONS.get(number) or _unnamed(number)


def group_name(number: int) -> str:
    """`x25519`, `GREASE`, or the number."""
    return GROUPS[number][0] if number in GROUPS else _unnamed(number)


def group_sentence(name: str) -> str:
    """What a group of the key exchange is."""
    return next((text for known, text in GROUPS.values() if known == name), "How the two agree on a secret.")


def signature_name(number: int) -> str:
    """`ecdsa_secp256r1_sha256`, `GREASE`, or the number."""
    return SIGNATURES.get(number) or _unnamed(number)


def cipher_name(number: int) -> str:
    """`TLS_AES_128_GCM_SHA256`, `GREASE`, or the number."""
    return CIPHERS.get(number) or _unnamed(number)


def version_name(number: int) -> str:
    """`TLS 1.3`, `GREASE`, or the number."""
    return VERSIONS.get(number) or _unnamed(number)


def handshake_name(number: int) -> str:
    """`ClientHello`, or `message 99`."""
    return HANDSHAKES.get(number) or f"message {number}"


def cipher_sentence(name: str) -> str:
    """What a cipher suite, by either of its names, does: who encrypts, and what the hash is for."""
    told = name.replace("-", "_").upper()
    bits = "256" if "256_GCM" in told or "AES256" in told or "AES_256" in told else "128"
    if "CHACHA20" in told:
        how = "ChaCha20 encrypts, and Poly1305 notices every change"
    elif "GCM" in told or "CCM" in told:
        how = f"AES with a key of {bits} bits encrypts, and notices every change"
    elif "AES" in told:
        how = f"AES with a key of {bits} bits encrypts in blocks, and a separate code notices changes"
    else:
        how = "a cipher that is seldom met"
    if told.startswith(("TLS_AES", "TLS_CHACHA20")):
        return f"{how}; the keys are made with {'SHA-384' if 'SHA384' in told else 'SHA-256'}."
    if "ECDHE" in told or "DHE" in told or "EDH" in told:
        return f"{how}; the keys come from a fresh Diffie-Hellman exchange."
    if told.startswith(("TLS_RSA_WITH", "AES", "DES_CBC3", "CAMELLIA", "ARIA")):
        return f"{how}; the secret is sent encrypted to the certificate's key, so that key opens every recording."
    return f"{how}."


def alpn_sentence(protocol: str) -> str:
    """What a protocol of ALPN is; "" chosen means that none was."""
    if not protocol:
        return "The server chose none: whoever asks next has to know what is spoken."
    return _ALPN.get(protocol, "A protocol that both sides know by this name.")


def _unnamed(number: int) -> str:
    return "GREASE" if is_grease(number) else f"{number:#06x}"
