# The vocabularies and character classes of src/tokens/data become constant tables of lh_tokens. A file that is not the one published is refused.
set(lh_vocabulary_folder ${PROJECT_BINARY_DIR}/generated/tokens)
file(MAKE_DIRECTORY ${lh_vocabulary_folder})
add_executable(embed_bpe cmake/embed_bpe.c)
add_executable(embed_classes cmake/embed_classes.c)
foreach(program embed_bpe embed_classes)
  target_include_directories(${program} PRIVATE ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(${program} PRIVATE lh_flags)
endforeach()

# lh_vocabulary(NAME PATTERN SHA256): PATTERN is the number in enum encoding_id.
function(lh_vocabulary name pattern sha256)
  set(from ${PROJECT_SOURCE_DIR}/src/tokens/data/${name}.tiktoken)
  set(to ${lh_vocabulary_folder}/${name}.bin)
  set_property(DIRECTORY ${PROJECT_SOURCE_DIR} APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${from})
  file(SHA256 ${from} found)
  if(NOT found STREQUAL sha256)
    message(FATAL_ERROR "${from} is not the file that was published: its SHA-256 is ${found}, it should be ${sha256}")
  endif()
  add_custom_command(OUTPUT ${to} COMMAND embed_bpe ${from} ${pattern} ${to} DEPENDS embed_bpe ${from} VERBATIM)
  set_property(SOURCE ${PROJECT_SOURCE_DIR}/src/tokens/bpe_embedded.c APPEND PROPERTY OBJECT_DEPENDS ${to})
endfunction()
lh_vocabulary(o200k_base 0 446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d)
lh_vocabulary(cl100k_base 1 223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7)
set_property(SOURCE ${PROJECT_SOURCE_DIR}/src/tokens/bpe_embedded.c
  PROPERTY COMPILE_DEFINITIONS LH_BPE_FOLDER="${lh_vocabulary_folder}")

add_custom_command(
  OUTPUT ${lh_vocabulary_folder}/bpe_classes.c
  COMMAND embed_classes ${PROJECT_SOURCE_DIR}/src/tokens/data/classes.txt ${lh_vocabulary_folder}/bpe_classes.c
  DEPENDS embed_classes ${PROJECT_SOURCE_DIR}/src/tokens/data/classes.txt
  VERBATIM)
target_sources(lh_tokens PRIVATE ${lh_vocabulary_folder}/bpe_classes.c)
