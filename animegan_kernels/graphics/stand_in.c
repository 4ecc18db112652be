/* Stands in for libGL.so.1 and libEGL.so.1 where the system has none.
 *
 * skia-python's wheel links to both, for its back ends that draw on a GPU. We draw on the CPU, which
 * calls nothing of them; but without the names the wheel cannot be loaded, and installing the
 * libraries takes root.
 */
#include <stdio.h>
#include <stdlib.h>

/* What the wheel asks for: `nm --dynamic --undefined-only skia*.so | grep -E ' e?gl[A-Z]'`. */
#define FOR_EACH_NAME(NAME)                                                                               \
    NAME(eglGetCurrentDisplay) NAME(eglGetProcAddress) NAME(eglQueryString) NAME(glActiveTexture)         \
    NAME(glAttachShader) NAME(glBindAttribLocation) NAME(glBindBuffer) NAME(glBindFramebuffer)            \
    NAME(glBindRenderbuffer) NAME(glBindTexture) NAME(glBlendColor) NAME(glBlendEquation)                 \
    NAME(glBlendFunc) NAME(glBufferData) NAME(glBufferSubData) NAME(glCheckFramebufferStatus)             \
    NAME(glClear) NAME(glClearColor) NAME(glClearStencil) NAME(glColorMask) NAME(glCompileShader)         \
    NAME(glCompressedTexImage2D) NAME(glCompressedTexSubImage2D) NAME(glCopyTexSubImage2D)                \
    NAME(glCreateProgram) NAME(glCreateShader) NAME(glCullFace) NAME(glDeleteBuffers)                     \
    NAME(glDeleteFramebuffers) NAME(glDeleteProgram) NAME(glDeleteRenderbuffers) NAME(glDeleteShader)     \
    NAME(glDeleteTextures) NAME(glDepthMask) NAME(glDisable) NAME(glDisableVertexAttribArray)             \
    NAME(glDrawArrays) NAME(glDrawElements) NAME(glEnable) NAME(glEnableVertexAttribArray)                \
    NAME(glFinish) NAME(glFlush) NAME(glFramebufferRenderbuffer) NAME(glFramebufferTexture2D)             \
    NAME(glFrontFace) NAME(glGenBuffers) NAME(glGenFramebuffers) NAME(glGenRenderbuffers)                 \
    NAME(glGenTextures) NAME(glGenerateMipmap) NAME(glGetBufferParameteriv) NAME(glGetError)              \
    NAME(glGetFramebufferAttachmentParameteriv) NAME(glGetIntegerv) NAME(glGetProgramInfoLog)             \
    NAME(glGetProgramiv) NAME(glGetRenderbufferParameteriv) NAME(glGetShaderInfoLog)                      \
    NAME(glGetShaderPrecisionFormat) NAME(glGetShaderiv) NAME(glGetString) NAME(glGetUniformLocation)     \
    NAME(glIsTexture) NAME(glLineWidth) NAME(glLinkProgram) NAME(glPixelStorei) NAME(glReadPixels)        \
    NAME(glRenderbufferStorage) NAME(glScissor) NAME(glShaderSource) NAME(glStencilFunc)                  \
    NAME(glStencilFuncSeparate) NAME(glStencilMask) NAME(glStencilMaskSeparate) NAME(glStencilOp)         \
    NAME(glStencilOpSeparate) NAME(glTexImage2D) NAME(glTexParameterf) NAME(glTexParameterfv)             \
    NAME(glTexParameteri) NAME(glTexParameteriv) NAME(glTexSubImage2D) NAME(glUniform1f)                  \
    NAME(glUniform1fv) NAME(glUniform1i) NAME(glUniform1iv) NAME(glUniform2f) NAME(glUniform2fv)          \
    NAME(glUniform2i) NAME(glUniform2iv) NAME(glUniform3f) NAME(glUniform3fv) NAME(glUniform3i)           \
    NAME(glUniform3iv) NAME(glUniform4f) NAME(glUniform4fv) NAME(glUniform4i) NAME(glUniform4iv)          \
    NAME(glUniformMatrix2fv) NAME(glUniformMatrix3fv) NAME(glUniformMatrix4fv) NAME(glUseProgram)         \
    NAME(glVertexAttrib1f) NAME(glVertexAttrib2fv) NAME(glVertexAttrib3fv) NAME(glVertexAttrib4fv)        \
    NAME(glVertexAttribPointer) NAME(glViewport) NAME(glXGetCurrentContext) NAME(glXGetProcAddress)

#define STAND_IN(name)                                                                 \
    __attribute__((visibility("default"))) void name(void);                            \
    void name(void) {                                                                  \
        fputs(#name " was called, but there is no OpenGL on this machine\n", stderr); \
        abort();                                                                       \
    }

FOR_EACH_NAME(STAND_IN)
