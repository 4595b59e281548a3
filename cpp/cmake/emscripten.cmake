# Every compile and link flag of the WebAssembly builds, each with its reason.
#
# A variant is a set of files: a module with a single instruction the engine does not know fails to validate as a whole,
# so relaxed SIMD and threads are chosen before loading, by file. A module is linked once, for the web and for Node; its
# glue becomes one file for each (.ci/build/glue.mjs), because bundlers choke on Node's imports in a web file.

if(NOT HEED_VARIANT MATCHES "^(simd|relaxed|threads|relaxed-threads|relaxed-threads-64)$")
  message(FATAL_ERROR "HEED_VARIANT is \"${HEED_VARIANT}\"; use one of the presets wasm-simd, wasm-relaxed, "
                      "wasm-threads, wasm-relaxed-threads, wasm-relaxed-threads-64")
endif()

# Addresses of 64 bits. 16 GB is the most that engines give a memory of them, 4 GB what 32 bits can address.
if(HEED_VARIANT MATCHES "-64$")
  set(HEED_WIDE ON)
  set(most_memory 16GB)
  target_compile_options(heed_flags INTERFACE --target=wasm64-unknown-emscripten)
  # Emscripten 3.1.69 calls it experimental.
  target_link_options(heed_flags INTERFACE --target=wasm64-unknown-emscripten -Wno-experimental)
else()
  set(HEED_WIDE OFF)
  set(most_memory 4GB)
endif()

target_compile_options(
  heed_flags
  INTERFACE
    # 128-bit SIMD is the floor: every engine since 2021 has it.
    -msimd128
    # Nothing throws: failures cross the boundary as status codes. Saves the unwinding tables and all type names.
    -fno-exceptions
    -fno-rtti)
# Embind asks for type names by default, which -fno-rtti turns into a failed static_assert.
target_compile_definitions(heed_flags INTERFACE EMSCRIPTEN_HAS_UNBOUND_TYPE_NAMES=0)

target_link_options(
  heed_flags
  INTERFACE
    -fno-exceptions
    -fno-rtti
    # Full optimization of module and glue, except one thing: without the limit, a function with a single caller is
    # folded into it, whatever noinline says. A kernel folded into the driver stays in the engine's baseline compiler
    # and runs at a quarter of its speed. cpp/kernels.txt lists what must remain a function.
    -O3
    -sBINARYEN_EXTRA_PASSES=--one-caller-inline-max-function-size=0
    -lembind
    # No deprecated behavior, and nothing of the module object that is not asked for.
    -sSTRICT
    # A library: there is no main().
    --no-entry
    # The glue is an ES module whose default export is a factory.
    -sMODULARIZE
    -sEXPORT_ES6
    # JavaScript creates the memory: it chooses the maximum, and can retry with less when an engine refuses.
    # 16 MB is the least that is handed over.
    -sIMPORTED_MEMORY
    -sALLOW_MEMORY_GROWTH
    -sINITIAL_MEMORY=16MB
    -sMAXIMUM_MEMORY=${most_memory}
    # Kernels keep tiles in registers and scratch in the heap: 256 KB of stack is ample, on every thread.
    -sSTACK_SIZE=256KB
    # Stack checks cost a compare in every function, and the kernels do not recurse.
    -sSTACK_OVERFLOW_CHECK=0
    # No eval and no new Function, so pages with a strict content security policy can load it.
    -sDYNAMIC_EXECUTION=0
    # No setjmp in this code base; its support would be linked otherwise.
    -sSUPPORT_LONGJMP=0
    # Every engine that has SIMD has TextDecoder: leave out the hand-written fallback.
    -sTEXTDECODER=2
    # Lets the build check that no kernel was folded away, without names inside the shipped file.
    --emit-symbol-map
    # One link for both places: the glue asks at run time, until .ci/build/glue.mjs has answered for it.
    -sENVIRONMENT=web,worker,node
    # What JavaScript may pass in, beside poolSize below; the rest is compiled out of the glue.
    -sINCOMING_MODULE_JS_API=wasmMemory,instantiateWasm,locateFile,wasmBinary,onAbort,print,printErr)

set(runtime_methods wasmMemory)
if(HEED_VARIANT MATCHES "relaxed")
  # Fused multiply-add, and min/max without the NaN rules. Results may differ between computers by rounding.
  target_compile_options(heed_flags INTERFACE -mrelaxed-simd)
endif()
if(HEED_VARIANT MATCHES "threads")
  target_compile_options(heed_flags INTERFACE -pthread)
  target_link_options(
    heed_flags
    INTERFACE
      -pthread
      -sDEFAULT_PTHREAD_STACK_SIZE=256KB
      # The workers are started while loading, as many as the factory's option poolSize says: a thread beyond the
      # pool could only start after control returns to the event loop, so joining it would never end ...
      "-sPTHREAD_POOL_SIZE=Module['poolSize']??0"
      # ... and strict mode turns that into an error instead of a hang.
      -sPTHREAD_POOL_SIZE_STRICT=2
      # Memory that grows makes JavaScript's accesses slower under threads. The glue does next to none.
      -Wno-pthreads-mem-growth)
  # Freeing the workers again needs PThread.terminateAllThreads().
  string(APPEND runtime_methods ",PThread")
endif()
target_link_options(heed_flags INTERFACE -sEXPORTED_RUNTIME_METHODS=${runtime_methods})

# em++ -c starts Python to start clang with a few more flags, which takes as long again as a small file, and emar does
# the same to start llvm-ar. The flags are asked for once, and both are started directly. em++ still links.
function(ask_emscripten result)
  execute_process(COMMAND ${ARGN} OUTPUT_VARIABLE answer OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  set(${result} "${answer}" PARENT_SCOPE)
endfunction()

ask_emscripten(clang_folder ${EMSCRIPTEN_ROOT_PATH}/em-config LLVM_ROOT)
ask_emscripten(clang_version ${EMSCRIPTEN_ROOT_PATH}/em-config CLANG_ADD_VERSION)
# Debian's programs have their version in the name; those of an SDK have not.
set(clang_suffix "")
if(clang_version MATCHES "^[0-9]+$")
  set(clang_suffix "-${clang_version}")
endif()
get_target_property(compile_options heed_flags INTERFACE_COMPILE_OPTIONS)
list(FILTER compile_options INCLUDE REGEX "^-(m|f|pthread|-target)")
ask_emscripten(clang_flags ${CMAKE_CXX_COMPILER} --cflags ${compile_options})
set(CMAKE_CXX_COMPILE_OBJECT "${clang_folder}/clang++${clang_suffix} ${clang_flags} <DEFINES> <INCLUDES> <FLAGS> \
-o <OBJECT> -c <SOURCE>")
set(CMAKE_AR "${clang_folder}/llvm-ar${clang_suffix}")
set(CMAKE_RANLIB "${clang_folder}/llvm-ranlib${clang_suffix}")

# heed_module(<name> STEM <stem> SOURCES <file>... DEPENDS <layer>...): one module of this variant, glue/<stem>-<variant>
# with .mjs and .wasm, of its own bindings, those that every module has (memory, threads, identity), and the layers that they use.
function(heed_module name)
  cmake_parse_arguments(PARSE_ARGV 1 module "" "STEM" "SOURCES;DEPENDS")
  # Objects, not an archive: nothing refers to Embind's registrations by name, so a linker would drop them.
  add_library(heed_bindings_${name} OBJECT bind_runtime.cpp runtime.cpp ${module_SOURCES})
  target_compile_options(heed_bindings_${name} PRIVATE -Oz)
  target_compile_definitions(heed_bindings_${name} PRIVATE HEED_VERSION="${PROJECT_VERSION}"
                             HEED_VARIANT="${HEED_VARIANT}" HEED_MODULE="${name}")
  target_link_libraries(heed_bindings_${name} PUBLIC heed_flags)
  if(HEED_PRECOMPILED)
    target_precompile_headers(heed_bindings_${name} PRIVATE ${HEED_STANDARD_HEADERS} <emscripten/bind.h>)
  endif()
  foreach(layer IN ITEMS base parallel ${module_DEPENDS})
    target_link_libraries(heed_bindings_${name} PUBLIC heed::${layer})
  endforeach()

  add_executable(heed_${name}_module)
  target_link_libraries(heed_${name}_module PRIVATE heed_bindings_${name})
  set_target_properties(heed_${name}_module PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/glue
                                                       OUTPUT_NAME ${module_STEM}-${HEED_VARIANT} SUFFIX .mjs)
endfunction()
