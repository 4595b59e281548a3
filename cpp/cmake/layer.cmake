# heed_layer(<name> [SOURCES <file>...] [DEPENDS <layer>...])
#
# Declares the static library heed_<name> (alias heed::<name>); without sources it is header-only. DEPENDS names layers
# of this library, or the two outsiders `xsimd` and `threads`. Every layer is included as "<layer>/<file>.hpp".
#
# heed_flags holds what all of our own code is compiled with.

add_library(heed_flags INTERFACE)
target_compile_features(heed_flags INTERFACE cxx_std_20)
target_include_directories(heed_flags INTERFACE ${CMAKE_CURRENT_SOURCE_DIR})
target_compile_options(
  heed_flags
  INTERFACE
    -Wall
    -Wextra
    -Wpedantic
    -Wconversion
    -Werror
    # libstdc++ 12 implements std::stable_sort with a function that it marks deprecated itself, and clang blames us.
    -Wno-deprecated-declarations
    # The bits of a result must not depend on which products the optimizer happens to fuse; simd/madd.hpp says where
    # fusing is wanted. Fast math is never on: masks are minus infinity.
    -ffp-contract=off)

if(NOT EMSCRIPTEN)
  # AVX2 and FMA: every x86 server and laptop of the last decade, and xsimd picks its widest back end from it.
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    target_compile_options(heed_flags INTERFACE -march=x86-64-v3)
  endif()
  if(HEED_SANITIZERS)
    # -O1: the sanitizers' checks stay, and the suite runs in seconds instead of minutes. Lines are all that reports
    # need; variables for a debugger would take a tenth of the time.
    set(sanitize -fsanitize=${HEED_SANITIZERS} -fno-sanitize-recover=all -fno-omit-frame-pointer -O1 -gline-tables-only)
    target_compile_options(heed_flags INTERFACE ${sanitize})
    target_link_options(heed_flags INTERFACE ${sanitize})
  endif()
endif()

# For the code of tests alone: a null pointer is the address sanitizer's find as well, and these three checks at every
# use of a pointer take a quarter of the time to compile.
if(HEED_SANITIZERS MATCHES "undefined")
  set(HEED_LIGHTER_CHECKS -fno-sanitize=null,vptr,object-size CACHE INTERNAL "")
else()
  set(HEED_LIGHTER_CHECKS "" CACHE INTERNAL "")
endif()

# Reading <algorithm> and xsimd takes longer than compiling most files, so both are read once a build: by simd/ for its
# own files, and by base/ for the other layers, whose flags are the same. A file still includes what it uses:
# HEED_PRECOMPILED=OFF builds without.
option(HEED_PRECOMPILED "Precompile the headers of others" ON)
set(HEED_STANDARD_HEADERS <algorithm> <cmath> <cstddef> <cstdint> <cstring> <functional> <limits> <memory> <optional>
                          <span> <string> <vector> CACHE INTERNAL "")

function(heed_precompile target layer)
  if(NOT HEED_PRECOMPILED)
    return()
  endif()
  if(layer STREQUAL "simd")
    target_precompile_headers(${target} PRIVATE ${HEED_STANDARD_HEADERS} <xsimd/xsimd.hpp>)
  elseif(layer STREQUAL "base")
    target_precompile_headers(${target} PRIVATE ${HEED_STANDARD_HEADERS})
  else()
    target_precompile_headers(${target} REUSE_FROM heed_base)
  endif()
endfunction()

function(heed_layer name)
  cmake_parse_arguments(PARSE_ARGV 1 layer "" "" "SOURCES;DEPENDS")
  if(layer_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "heed_layer(${name}): unknown arguments ${layer_UNPARSED_ARGUMENTS}")
  endif()
  set(target heed_${name})
  if(layer_SOURCES)
    add_library(${target} STATIC ${layer_SOURCES})
    set(scope PUBLIC)
  else()
    add_library(${target} INTERFACE)
    set(scope INTERFACE)
  endif()
  add_library(heed::${name} ALIAS ${target})
  target_link_libraries(${target} ${scope} heed_flags)
  if(layer_SOURCES)
    heed_precompile(${target} ${name})
  endif()
  if(EMSCRIPTEN AND layer_SOURCES AND NOT name STREQUAL "simd")
    # What takes time is in simd/. The rest is compiled to be small, because every visitor downloads it: a quarter less.
    # A layer says itself which of its files are worth more.
    target_compile_options(${target} PRIVATE -Oz)
  endif()

  foreach(other IN LISTS layer_DEPENDS)
    if(other STREQUAL "xsimd")
      target_link_libraries(${target} ${scope} xsimd::xsimd)
    elseif(other STREQUAL "threads")
      if(NOT EMSCRIPTEN)
        # Emscripten's threads are a property of the whole variant: cmake/emscripten.cmake.
        find_package(Threads REQUIRED)
        target_link_libraries(${target} ${scope} Threads::Threads)
      endif()
    elseif(TARGET heed::${other})
      target_link_libraries(${target} ${scope} heed::${other})
    else()
      message(FATAL_ERROR "heed_layer(${name}): there is no layer \"${other}\" below it")
    endif()
  endforeach()
endfunction()

# heed_optimize(<option> <file>...): files of this folder that are compiled otherwise than their layer, for WebAssembly.
function(heed_optimize option)
  # The precompiled headers hold the layer's option.
  set_source_files_properties(${ARGN} PROPERTIES COMPILE_OPTIONS ${option} SKIP_PRECOMPILE_HEADERS ON)
endfunction()
