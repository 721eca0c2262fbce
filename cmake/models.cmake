# src/tokens/data/models.csv becomes a constant table of lh_tokens. A wrong line stops the build, with its number.
set(lh_models_csv ${PROJECT_SOURCE_DIR}/src/tokens/data/models.csv)
set(lh_models_c ${PROJECT_BINARY_DIR}/generated/tokens/model_table.c)
file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/generated/tokens)
add_executable(embed_models cmake/embed_models.c)
target_link_libraries(embed_models PRIVATE lh_flags)
add_custom_command(
  OUTPUT ${lh_models_c}
  COMMAND embed_models ${lh_models_csv} ${lh_models_c}
  DEPENDS embed_models ${lh_models_csv}
  VERBATIM)
target_sources(lh_tokens PRIVATE ${lh_models_c})
