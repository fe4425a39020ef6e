{
  "targets": [
    {
      "target_name": "thread_context",
      "sources": ["thread_context.c"],
      "cflags": ["-Wall", "-Wextra", "-Werror"],
      "conditions": [
        # TLS descriptors are how readers find the pointer. arm64 has no other dialect.
        ["target_arch == 'x64'", { "cflags": ["-mtls-dialect=gnu2"] }]
      ]
    }
  ]
}
