"""Inputs, outputs and codecs: their names and settings are checked here; the embedded server binds them."""

from __future__ import annotations

from typing import Final

from mllog.pipeline._settings import ARRAY, BOOLEAN, CODEC, HASH, NUMBER, STRING, Schema, Setting

_SECRET: Final = Setting("password")
_COMMON: Final = {"id": STRING, "enable_metric": BOOLEAN, "codec": CODEC}
_INPUT: Final = {
    **_COMMON, "type": STRING, "tags": ARRAY, "add_field": HASH,
    "ecs_compatibility": Setting(choices=("disabled", "v1", "v8")),
}  # fmt: skip
_TLS_SERVER: Final = {
    "ssl_enabled": BOOLEAN, "ssl_certificate": STRING, "ssl_key": STRING, "ssl_key_passphrase": _SECRET,
    "ssl_certificate_authorities": ARRAY, "ssl_client_authentication": Setting(choices=("none",
    "optional", "required")),
    "ssl_supported_protocols": ARRAY, "ssl_cipher_suites": ARRAY, "ssl_keystore_path": STRING,
    "ssl_keystore_password": _SECRET, "ssl_keystore_type": STRING,
}  # fmt: skip

INPUTS: Final[dict[str, Schema]] = {
    "http": Schema(
        {
            **_INPUT, **_TLS_SERVER, "host": STRING, "port": NUMBER, "user": STRING, "password": _SECRET,
            "additional_codecs": HASH, "response_code": NUMBER, "response_headers": HASH,
            "remote_host_target_field": STRING,
            "request_headers_target_field": STRING, "threads": NUMBER,
            "max_pending_requests": NUMBER, "max_content_length": NUMBER,
        }
    ),
    "file": Schema(
        {
            **_INPUT, "path": Setting("array", required=True), "mode": Setting(choices=("tail", "read")),
            "start_position": Setting(choices=("beginning", "end")), "sincedb_path": STRING, "exclude": ARRAY,
            "file_completed_action": Setting(choices=("delete", "log", "log_and_delete")),
            "file_completed_log_path": STRING, "file_sort_by": Setting(choices=("last_modified", "path")),
            "file_sort_direction": Setting(choices=("asc", "desc")), "stat_interval": STRING,
            "discover_interval": NUMBER,
            "sincedb_write_interval": STRING, "sincedb_clean_after": STRING, "check_archive_validity": BOOLEAN,
            "exit_after_read": BOOLEAN, "max_open_files": NUMBER, "close_older": STRING, "ignore_older": STRING,
            "delimiter": STRING, "file_chunk_size": NUMBER, "file_chunk_count": NUMBER,
        }
    ),
    "beats": Schema(
        {
            **_INPUT, **_TLS_SERVER, "host": STRING, "port": Setting("number", required=True), "enrich": ARRAY,
            "client_inactivity_timeout": NUMBER, "executor_threads": NUMBER,
            "add_hostname": BOOLEAN, "include_codec_tag": BOOLEAN,
        }
    ),
    "tcp": Schema(
        {
            **_INPUT, **_TLS_SERVER, "host": STRING, "port": Setting("number", required=True),
            "mode": Setting(choices=("server", "client")), "tcp_keep_alive": BOOLEAN,
            "dns_reverse_lookup_enabled": BOOLEAN,
            "ssl_verification_mode": STRING, "proxy_protocol": BOOLEAN,
        }
    ),
    "udp": Schema(
        {
            **_INPUT, "host": STRING, "port": Setting("number", required=True), "buffer_size": NUMBER,
            "queue_size": NUMBER, "receive_buffer_bytes": NUMBER, "workers": NUMBER, "source_ip_fieldname": STRING,
        }
    ),
    "syslog": Schema(
        {
            **_INPUT, "host": STRING, "port": NUMBER, "grok_pattern": STRING, "syslog_field": STRING,
            "proxy_protocol": BOOLEAN, "use_labels": BOOLEAN, "facility_labels": ARRAY, "severity_labels": ARRAY,
            "timezone": STRING, "locale": STRING,
        }
    ),
    "stdin": Schema(_INPUT),
    "dead_letter_queue": Schema(
        {
            **_INPUT, "path": Setting(required=True), "pipeline_id": STRING,
            "commit_offsets": BOOLEAN, "clean_consumed": BOOLEAN,
            "sincedb_path": STRING, "start_timestamp": STRING,
        }
    ),
    "pipeline": Schema({**_INPUT, "address": Setting(required=True)}),
}  # fmt: skip

OUTPUTS: Final[dict[str, Schema]] = {
    "elasticsearch": Schema(
        {
            **_COMMON, "hosts": ARRAY, "index": STRING, "action": STRING, "document_id": STRING,
            "data_stream": STRING,
            "data_stream_type": STRING, "data_stream_dataset": STRING, "data_stream_namespace": STRING,
            "data_stream_auto_routing": BOOLEAN, "data_stream_sync_fields": BOOLEAN, "manage_template": BOOLEAN,
            "ilm_enabled": STRING, "user": STRING, "password": _SECRET, "api_key": _SECRET, "cloud_id": STRING,
            "cloud_auth": _SECRET, "ssl_enabled": BOOLEAN, "ssl_certificate_authorities": ARRAY,
            "ssl_certificate": STRING,
            "ssl_key": STRING, "ssl_verification_mode": Setting(choices=("full", "none")),
            "ssl_supported_protocols": ARRAY,
            "ca_trusted_fingerprint": ARRAY, "silence_errors_in_log": ARRAY, "pipeline": STRING, "routing": STRING,
            "retry_initial_interval": NUMBER, "retry_max_interval": NUMBER,
            "retry_on_conflict": NUMBER, "timeout": NUMBER,
            "pool_max": NUMBER, "sniffing": BOOLEAN, "compression_level": NUMBER,
            "custom_headers": HASH, "resurrect_delay": NUMBER,
            "dlq_on_failed_indexname_interpolation": BOOLEAN, "dlq_custom_codes": ARRAY,
            "path": STRING, "proxy": STRING,
            "validate_after_inactivity": NUMBER, "ecs_compatibility": Setting(choices=("disabled", "v1", "v8")),
        }
    ),
    "stdout": Schema(_COMMON),
    "file": Schema(
        {
            **_COMMON, "path": Setting(required=True), "write_behavior": Setting(choices=("append", "overwrite")),
            "flush_interval": NUMBER, "gzip": BOOLEAN, "dir_mode": NUMBER, "file_mode": NUMBER,
            "create_if_deleted": BOOLEAN, "filename_failure": STRING, "stale_cleanup_interval": NUMBER,
        }
    ),
    "pipeline": Schema({**_COMMON, "send_to": Setting("array", required=True), "ensure_delivery": BOOLEAN}),
}  # fmt: skip

_CODEC: Final = {
    "id": STRING, "enable_metric": BOOLEAN, "charset": STRING,
    "ecs_compatibility": Setting(choices=("disabled", "v1", "v8")),
}  # fmt: skip
CODECS: Final[dict[str, Schema]] = {
    "plain": Schema({**_CODEC, "format": STRING}),
    "line": Schema({**_CODEC, "format": STRING, "delimiter": STRING}),
    "json": Schema({**_CODEC, "target": STRING}),
    "json_lines": Schema({**_CODEC, "target": STRING, "delimiter": STRING, "decode_size_limit_bytes": NUMBER}),
    "rubydebug": Schema({"id": STRING, "enable_metric": BOOLEAN, "metadata": BOOLEAN}),
    "dots": Schema({"id": STRING, "enable_metric": BOOLEAN}),
}
