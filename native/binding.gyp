{
  "targets": [
    {
      "target_name": "thread_context",
      "sources": ["thread_context.c"],
      "cflags": ["-Wall", "-Wextra", "-Werror"],
      "conditions": [
        # Readers find the pointer through TLS descriptors. On arm64 there is no other dialect.
        ["target_arch == 'x64'", { "cflags": ["-mtls-dialect=gnu2"] }]
      ]
    }
  ]
}
