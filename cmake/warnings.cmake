# Compiler flags that every target of ours uses.
add_library(lh_flags INTERFACE)
target_compile_definitions(lh_flags INTERFACE _GNU_SOURCE LH_VERSION="${PROJECT_VERSION}")
target_compile_options(lh_flags INTERFACE
  -Wall -Wextra -Wshadow -Wconversion -Wsign-conversion -Wstrict-prototypes -Wmissing-prototypes
  -Wold-style-definition -Wpointer-arith -Wcast-qual -Wwrite-strings -Wundef -Wvla -Wformat=2
  -Wimplicit-fallthrough -Wnull-dereference -Wdouble-promotion -fno-common -fstack-protector-strong)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
  # snprintf is used to cut on purpose
  target_compile_options(lh_flags INTERFACE -Wno-format-truncation)
endif()
if(CMAKE_BUILD_TYPE MATCHES "Rel")
  target_compile_definitions(lh_flags INTERFACE _FORTIFY_SOURCE=2)
endif()
if(LH_WERROR)
  target_compile_options(lh_flags INTERFACE -Werror)
endif()
if(LH_SANITIZE)
  target_compile_options(lh_flags INTERFACE -fsanitize=${LH_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(lh_flags INTERFACE -fsanitize=${LH_SANITIZE})
endif()
