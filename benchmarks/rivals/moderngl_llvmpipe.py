# /// script
# requires-python = ">=3.11"
# dependencies = ["moderngl>=5.12", "numpy", "opencv-python-headless"]
# ///
"""Rival: OpenGL in software (Mesa's llvmpipe through EGL), as a fast home-made generator would use it.

    taskset -c 1 uv run benchmarks/rivals/moderngl_llvmpipe.py SCENES.npz [--pictures DIR]

Per frame: upload the posed mesh; a 1024² shadow map; one pass that writes the Phong-shaded, textured, shadowed
picture and one that writes part, U, V and instance at pixel centres; read both back; write a JPEG, an IUV PNG and a
segmentation PNG. The defaults are the rival at its fastest: no anti-aliasing, one filtered shadow look-up a pixel.
Prints JSON: milliseconds per frame, wall clock and whole-process CPU.
Needs Debian's libegl1 and libgl1-mesa-dri.
"""

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

import cv2
import moderngl
import numpy as np

SHADOW_SIZE = 1024
NEAR, FAR = 0.1, 30.0

SHADOW_VERTEX = """
#version 330
uniform mat4 clip_from_world;
in vec3 position;
void main() { gl_Position = clip_from_world * vec4(position, 1.0); }
"""
SHADOW_FRAGMENT = """
#version 330
void main() {}
"""
VERTEX = """
#version 330
uniform mat4 clip_from_world;
uniform mat4 shadow_from_world;
in vec3 position; in vec3 normal; in vec2 texture_uv; in vec3 chart;
out vec3 at; out vec3 facing; out vec2 texel; out vec3 label; out vec4 in_shadow_map;
void main() {
    at = position; facing = normal; texel = texture_uv; label = chart;
    in_shadow_map = shadow_from_world * vec4(position, 1.0);
    gl_Position = clip_from_world * vec4(position, 1.0);
}
"""
PICTURE_FRAGMENT = """
#version 330
uniform vec3 eye; uniform vec3 light; uniform sampler2D skin; uniform sampler2DShadow shadow_map; uniform float ground;
in vec3 at; in vec3 facing; in vec2 texel; in vec4 in_shadow_map;
out vec4 colour;
void main() {
    vec3 albedo = ground > 0.5
        ? mix(vec3(0.34), vec3(0.42), mod(floor(at.x * 2.0) + floor(at.y * 2.0), 2.0)) : texture(skin, texel).rgb;
    vec3 n = normalize(facing), towards_eye = normalize(eye - at);
    vec3 s = in_shadow_map.xyz / in_shadow_map.w * 0.5 + 0.5;
    s.z -= 0.002;
    float lit = 0.0;
    for (int x = -SHADOW_RADIUS; x <= SHADOW_RADIUS; ++x) for (int y = -SHADOW_RADIUS; y <= SHADOW_RADIUS; ++y)
        lit += texture(shadow_map, s + vec3(vec2(x, y) / 1024.0 * 1.5, 0.0));
    lit /= float((2 * SHADOW_RADIUS + 1) * (2 * SHADOW_RADIUS + 1));
    float diffuse = max(dot(n, light), 0.0) * lit;
    float specular = pow(max(dot(n, normalize(light + towards_eye)), 0.0), 24.0) * 0.15 * lit * (1.0 - ground);
    vec3 radiance = albedo * (0.35 + 0.12 * n.z + 0.85 * diffuse) + specular;
    colour = vec4(pow(radiance, vec3(1.0 / 2.2)), 1.0);
}
"""
LABEL_FRAGMENT = """
#version 330
in vec3 label;
out vec4 encoded;
void main() { encoded = vec4(label.x, floor(label.y * 255.0), floor(label.z * 255.0), 1.0) / 255.0; }
"""
GROUND = np.array([[-9, -9, 0], [9, -9, 0], [9, 9, 0], [-9, -9, 0], [9, 9, 0], [-9, 9, 0]], dtype=np.float32)


def clip_from_camera(focal: float, size: int) -> np.ndarray:
    """OpenCV camera axes → OpenGL clip space; the picture's first row ends up first in the buffer that is read."""
    scale, depth, offset = 2 * focal / size, (FAR + NEAR) / (FAR - NEAR), -2 * FAR * NEAR / (FAR - NEAR)
    return np.array([[scale, 0, 0, 0], [0, scale, 0, 0], [0, 0, depth, offset], [0, 0, 1, 0]])


def clip_from_light(light: np.ndarray, vertices: np.ndarray) -> np.ndarray:
    """An orthographic view along the light that just holds the body."""
    forward = -light.astype(np.float64)
    right = np.cross(forward, (0.0, 0.0, 1.0))
    right /= np.linalg.norm(right)
    axes = np.stack([right, np.cross(forward, right), forward])
    low, high = (vertices @ axes.T).min(axis=0), (vertices @ axes.T).max(axis=0)
    high[2] += 4.0  # the ground behind the body must be inside the map too
    matrix = np.eye(4)
    matrix[:3, :3] = axes * (2 / (high - low))[:, None] * 0.98
    matrix[:3, 3] = -(low + high) / (high - low) * 0.98
    return matrix


def column_major(matrix: np.ndarray) -> bytes:
    return matrix.T.astype(np.float32).tobytes()


class Rival:
    def __init__(self, scenes: dict[str, np.ndarray], samples: int, shadow_radius: int) -> None:
        self.scenes, self.size = scenes, int(scenes["size"])
        context = self.context = moderngl.create_context(standalone=True, backend="egl")
        self.shadow_program = context.program(vertex_shader=SHADOW_VERTEX, fragment_shader=SHADOW_FRAGMENT)
        self.picture_program = context.program(
            vertex_shader=VERTEX, fragment_shader=PICTURE_FRAGMENT.replace("SHADOW_RADIUS", str(shadow_radius))
        )
        self.label_program = context.program(vertex_shader=VERTEX, fragment_shader=LABEL_FRAGMENT)
        corners = len(scenes["corner_vertex"])
        self.posed = context.buffer(reserve=corners * 24, dynamic=True)
        fixed = np.concatenate([scenes["texture_uv"], scenes["part"][:, None], scenes["chart"]], axis=1).astype("f4")
        self.fixed = context.buffer(fixed.tobytes())
        self.index = context.buffer(scenes["faces"].astype("i4").tobytes())
        ground = np.concatenate([GROUND, np.tile([0, 0, 1], (6, 1)), np.zeros((6, 5))], axis=1).astype("f4")
        self.ground_buffer = context.buffer(ground.tobytes())

        def arrays(program: moderngl.Program, names: list[str]) -> moderngl.VertexArray:
            posed = [("3f 3f", ["position", "normal"]), ("2f 3f", ["texture_uv", "chart"])]
            content = []
            for buffer, (layout, attributes) in zip((self.posed, self.fixed), posed, strict=True):
                used = [name for name in attributes if name in names]
                if used:
                    sizes = layout.split()
                    parts = [s if a in names else f"{int(s[0]) * 4}x" for s, a in zip(sizes, attributes, strict=True)]
                    content.append((buffer, " ".join(parts), *used))
            return context.vertex_array(program, content, self.index)

        self.shadow_body = arrays(self.shadow_program, ["position"])
        self.picture_body = arrays(self.picture_program, ["position", "normal", "texture_uv"])
        self.label_body = arrays(self.label_program, ["position", "chart"])
        self.picture_ground = context.vertex_array(
            self.picture_program, [(self.ground_buffer, "3f 3f 2f 12x", "position", "normal", "texture_uv")]
        )
        self.shadow_map = context.depth_texture((SHADOW_SIZE, SHADOW_SIZE))
        self.shadow_map.compare_func = "<="
        self.shadow_map.repeat_x = self.shadow_map.repeat_y = False
        self.shadow_target = context.framebuffer(depth_attachment=self.shadow_map)
        size = (self.size, self.size)
        self.picture_target = context.framebuffer([context.renderbuffer(size, 3)], context.depth_renderbuffer(size))
        self.draw_target = self.picture_target
        if samples > 1:
            self.draw_target = context.framebuffer(
                [context.renderbuffer(size, 3, samples=samples)], context.depth_renderbuffer(size, samples=samples)
            )
        self.label_target = context.framebuffer([context.renderbuffer(size, 4)], context.depth_renderbuffer(size))
        rng = np.random.default_rng(0)
        noise = cv2.resize(rng.random((32, 32, 3), dtype=np.float32), (1024, 1024), interpolation=cv2.INTER_CUBIC)
        skin = np.clip((noise * 0.5 + 0.25) * 255, 0, 255).astype(np.uint8)
        self.skin = context.texture((1024, 1024), 3, skin.tobytes())
        self.skin.build_mipmaps()
        context.enable(moderngl.DEPTH_TEST)

    def render(self, k: int) -> tuple[np.ndarray, np.ndarray]:
        """RGB picture and (part, U, V, instance) of scene k, rows top to bottom."""
        scenes, corner = self.scenes, self.scenes["corner_vertex"]
        posed = np.concatenate([scenes["vertices"][k], scenes["normals"][k]], axis=1)[corner]
        self.posed.write(posed)
        camera_from_world = scenes["camera_from_world"][k]
        clip_from_world = clip_from_camera(float(scenes["focal"][k]), self.size) @ camera_from_world
        shadow_from_world = clip_from_light(scenes["light"][k], scenes["vertices"][k])

        self.shadow_target.use()
        self.shadow_target.clear(depth=1.0)
        self.shadow_program["clip_from_world"].write(column_major(shadow_from_world))
        self.shadow_body.render()

        self.draw_target.use()
        self.draw_target.clear(0.55, 0.65, 0.78, depth=1.0)
        program = self.picture_program
        program["clip_from_world"].write(column_major(clip_from_world))
        program["shadow_from_world"].write(column_major(shadow_from_world))
        program["eye"].value = tuple(-camera_from_world[:3, :3].T @ camera_from_world[:3, 3])
        program["light"].value = tuple(scenes["light"][k].tolist())
        self.skin.use(0)
        self.shadow_map.use(1)
        program["skin"].value, program["shadow_map"].value = 0, 1
        program["ground"].value = 0.0
        self.picture_body.render()
        program["ground"].value = 1.0
        self.picture_ground.render()
        if self.draw_target is not self.picture_target:
            self.context.copy_framebuffer(self.picture_target, self.draw_target)

        self.label_target.use()
        self.label_target.clear(depth=1.0)
        self.label_program["clip_from_world"].write(column_major(clip_from_world))
        self.label_body.render()
        shape = (self.size, self.size, -1)
        picture = np.frombuffer(self.picture_target.read(components=3, alignment=1), np.uint8).reshape(shape)
        labels = np.frombuffer(self.label_target.read(components=4, alignment=1), np.uint8).reshape(shape)
        return picture, labels


def write(folder: Path, k: int, picture: np.ndarray, labels: np.ndarray) -> None:
    cv2.imwrite(str(folder / f"{k:06d}.jpg"), picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95])
    cv2.imwrite(str(folder / f"{k:06d}_iuv.png"), labels[..., 2::-1])
    segmentation = np.zeros_like(picture)
    segmentation[..., 2], segmentation[..., 0] = labels[..., 3], labels[..., 0]
    cv2.imwrite(str(folder / f"{k:06d}_segmentation.png"), segmentation)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenes", type=Path)
    parser.add_argument("--pictures", type=Path, help="keep the files here")
    parser.add_argument("--frames", type=int, default=40)
    parser.add_argument("--warm-up", type=int, default=5)
    parser.add_argument("--samples", type=int, default=1, help="colour samples a pixel; 1: no anti-aliasing")
    parser.add_argument("--shadow-radius", type=int, default=0, help="0: one filtered look-up; 1: nine, softer")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    # llvmpipe, with 0 helper threads: it rasterises in the calling thread, so that one core does it all.
    os.environ |= {"LIBGL_ALWAYS_SOFTWARE": "1", "GALLIUM_DRIVER": "llvmpipe", "LP_NUM_THREADS": "0"}
    with np.load(arguments.scenes) as archive:
        scenes = dict(archive)
    rival = Rival(scenes, arguments.samples, arguments.shadow_radius)
    wall, cpu, pixels, stages = [], [], [], {"render and read back": [], "encode": []}
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.pictures or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        for frame in range(arguments.warm_up + arguments.frames):
            k = frame % len(scenes["focal"])
            times = [(time.perf_counter(), time.process_time())]
            picture, labels = rival.render(k)
            times.append((time.perf_counter(), time.process_time()))
            write(folder, k, picture, labels)
            times.append((time.perf_counter(), time.process_time()))
            if frame >= arguments.warm_up:
                pixels.append(int(np.count_nonzero(labels[..., 3])))
                wall.append(1e3 * (times[2][0] - times[0][0]))
                cpu.append(1e3 * (times[2][1] - times[0][1]))
                stages["render and read back"].append(1e3 * (times[1][1] - times[0][1]))
                stages["encode"].append(1e3 * (times[2][1] - times[1][1]))
    version = rival.context.info["GL_RENDERER"]
    print(
        json.dumps(
            {
                "name": "moderngl",
                "version": version,
                "wall_ms": wall,
                "cpu_ms": cpu,
                "stages_cpu_ms": stages,
                "labelled_pixels": pixels,
            }
        )
    )


if __name__ == "__main__":
    main()
