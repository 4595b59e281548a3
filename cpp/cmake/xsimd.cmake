# Where xsimd comes from: the folder named by XSIMD_INCLUDE (cache variable or environment; npm run setup provides one).
# 13.2 is the first version whose wasm back end is complete.
#
# xsimd::xsimd is a SYSTEM include, so that our warnings do not apply to its headers.
set(XSIMD_MINIMUM 13.2.0)
set(XSIMD_INCLUDE "$ENV{XSIMD_INCLUDE}" CACHE PATH "Include folder of xsimd >= ${XSIMD_MINIMUM}")

set(header "${XSIMD_INCLUDE}/xsimd/config/xsimd_config.hpp")
if(NOT EXISTS "${header}")
  message(FATAL_ERROR "XSIMD_INCLUDE is \"${XSIMD_INCLUDE}\", which holds no xsimd; run \"npm run setup\" and then "
                      "\". .toolchain/environment.sh\", or name a folder with xsimd >= ${XSIMD_MINIMUM}")
endif()
file(READ "${header}" text)
foreach(part MAJOR MINOR PATCH)
  string(REGEX MATCH "XSIMD_VERSION_${part} ([0-9]+)" unused "${text}")
  set(XSIMD_${part} ${CMAKE_MATCH_1})
endforeach()
set(version ${XSIMD_MAJOR}.${XSIMD_MINOR}.${XSIMD_PATCH})
if(version VERSION_LESS XSIMD_MINIMUM)
  message(FATAL_ERROR "xsimd in ${XSIMD_INCLUDE} is ${version}; heed needs ${XSIMD_MINIMUM} or newer")
endif()

add_library(xsimd_headers INTERFACE)
add_library(xsimd::xsimd ALIAS xsimd_headers)
target_include_directories(xsimd_headers SYSTEM INTERFACE "${XSIMD_INCLUDE}")
