/** Texts of policy files for tests. */

/** A policy of the Rust toolchain. */
export const OLDER = `{
    "schema_version": 1,
    "default_allow": false,
    "rules": {
        "net.fetch": { "allow": true, "budget": 10 },
        "fs.read": { "allow": true, "budget": 0 }
    },
    "net_policy": {
        "allowed_domains": ["api.example.com"],
        "allowed_methods": ["GET", "POST"],
        "max_response_bytes": 1048576,
        "timeout_ms": 5000,
        "allow_redirects": true
    }
}`;

/** A policy with every field of version 1. */
export const FULL = `{ "schema_version": 1, "default_allow": false, // comment
  "rules": { "net.fetch": { "allow": true, "budget": 5 } },
  "net_policy": { "allowed_domains": ["API.example.com.", "*.example.org"], "allowed_methods": ["get"], "max_response_bytes": 10485760, "timeout_ms": 30000, "allow_redirects": true,
                  "allowed_ports": [443], "allow_private_networks": false, "propagate_trace": false },
  "fs_policy":  { "read": ["./data"], "write": ["./out"], "max_bytes": 10485760 },
  "db_policy":  { "statements": ["select"], "max_rows": 10000, "timeout_ms": 30000 },
  "llm_policy": { "allowed_models": ["gpt-4o-mini"], "max_output_tokens": 1024, "max_total_tokens": 100000, "max_cost_usd": 0.5, "prices": { "gpt-4o-mini": { "input_per_mtok": 0.15, "output_per_mtok": 0.6 } } },
  "limits":     { "max_steps": 10000000, "max_alloc_bytes": 1073741824, "max_call_depth": 10000, "max_output_bytes": 10485760, "max_wall_ms": 60000 },
  /* block */
  "secrets":    { "API_KEY": { "env": "EXAMPLE_API_KEY", "hosts": ["api.example.com"] } } }`;
