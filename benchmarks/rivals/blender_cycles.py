# /// script
# requires-python = "==3.11.*"
# dependencies = ["bpy==4.5.*", "numpy<2"]
# ///
"""Rival: Blender's Cycles on the CPU, as SURREAL- and BEDLAM-like generators run it.

    taskset -c 1 uv run benchmarks/rivals/blender_cycles.py SCENES.npz [--samples 16] [--pictures DIR]

Per frame: the posed mesh, the camera and the sun are set; Cycles path-traces the textured body over a ground plane
with 16 samples a pixel, one thread, and writes a JPEG and an EXR with object index and UV passes. The UV pass is
averaged over a pixel's samples, so it is not exact at edges and seams; exact labels would cost a second render, which
is not charged here. `use_persistent_data` is on and the world's sampling map is fixed at 256: without them each frame
would pay for nothing. Prints JSON: milliseconds per frame, wall clock and whole-process CPU.
Needs Debian's libxxf86vm1 libxi6 libxkbcommon0 libsm6 libxfixes3 libxrender1 libegl1.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import bpy
import numpy as np
from mathutils import Matrix, Vector

SENSOR = 36.0  # millimetres; focal lengths in pixels are converted with it


def build_body(scenes: dict[str, np.ndarray]) -> bpy.types.Object:
    mesh = bpy.data.meshes.new("body")
    mesh.from_pydata(scenes["vertices"][0][scenes["corner_vertex"]].tolist(), [], scenes["faces"].tolist())
    for name, key in (("chart", "chart"), ("texture", "texture_uv")):  # the first layer is what the UV pass shows
        layer = mesh.uv_layers.new(name=name)
        layer.data.foreach_set("uv", scenes[key][scenes["faces"].reshape(-1)].reshape(-1))
    mesh.polygons.foreach_set("use_smooth", np.ones(len(scenes["faces"]), dtype=bool))
    body = bpy.data.objects.new("body", mesh)
    body.pass_index = 1
    bpy.context.collection.objects.link(body)
    mesh.materials.append(skin_material())
    return body


def skin_material() -> bpy.types.Material:
    rng = np.random.default_rng(0)
    coarse = rng.random((32, 32, 3), dtype=np.float32).repeat(32, axis=0).repeat(32, axis=1)
    pixels = np.concatenate([coarse * 0.5 + 0.25, np.ones((1024, 1024, 1), np.float32)], axis=2)
    image = bpy.data.images.new("skin", 1024, 1024)
    image.pixels.foreach_set(pixels.reshape(-1))
    material = bpy.data.materials.new("skin")
    material.use_nodes = True
    nodes, links = material.node_tree.nodes, material.node_tree.links
    texture, coordinates = nodes.new("ShaderNodeTexImage"), nodes.new("ShaderNodeUVMap")
    texture.image, coordinates.uv_map = image, "texture"
    links.new(coordinates.outputs["UV"], texture.inputs["Vector"])
    shader = nodes["Principled BSDF"]
    links.new(texture.outputs["Color"], shader.inputs["Base Color"])
    shader.inputs["Roughness"].default_value = 0.6
    return material


def build_surroundings(ground: bool) -> tuple[bpy.types.Object, bpy.types.Object]:
    """A ground plane, a sky, a sun and a camera."""
    if ground:
        bpy.ops.mesh.primitive_plane_add(size=18)
    world = bpy.data.worlds.new("world")
    bpy.context.scene.world = world
    world.use_nodes = True
    world.node_tree.nodes["Background"].inputs[0].default_value = (0.27, 0.38, 0.57, 1)
    world.cycles.sampling_method = "MANUAL"
    world.cycles.sample_map_resolution = 256
    light = bpy.data.lights.new("sun", "SUN")
    light.energy, light.angle = 3.0, 0.05
    sun = bpy.data.objects.new("sun", light)
    camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    camera.data.sensor_width = SENSOR
    for item in (sun, camera):
        bpy.context.collection.objects.link(item)
    bpy.context.scene.camera = camera
    return sun, camera


def set_up(size: int, samples: int, folder: Path) -> bpy.types.Node:
    """Render settings, and the compositor that writes picture and labels; its file node is returned."""
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.cycles.device = "CPU"
    scene.cycles.samples = samples
    scene.cycles.use_adaptive_sampling = False
    scene.cycles.use_denoising = False
    scene.render.use_persistent_data = True
    scene.render.threads_mode, scene.render.threads = "FIXED", 1
    scene.render.resolution_x = scene.render.resolution_y = size
    scene.render.resolution_percentage = 100
    scene.view_settings.view_transform = "Standard"
    scene.render.image_settings.file_format = "JPEG"
    scene.render.image_settings.quality = 95
    layer = scene.view_layers[0]
    layer.use_pass_object_index = layer.use_pass_uv = True
    scene.use_nodes = True
    tree = scene.node_tree
    tree.nodes.clear()
    layers, files = tree.nodes.new("CompositorNodeRLayers"), tree.nodes.new("CompositorNodeOutputFile")
    picture = tree.nodes.new("CompositorNodeComposite")
    tree.links.new(layers.outputs["Image"], picture.inputs["Image"])
    files.format.file_format = "OPEN_EXR_MULTILAYER"
    files.format.color_depth = "32"
    files.format.exr_codec = "ZIPS"
    files.base_path = str(folder / "labels_")
    files.layer_slots.clear()
    for output, name in (("UV", "uv"), ("IndexOB", "instance")):
        files.layer_slots.new(name)
        tree.links.new(layers.outputs[output], files.inputs[name])
    return files


def pose(body: bpy.types.Object, sun: bpy.types.Object, camera: bpy.types.Object, scenes: dict, k: int) -> None:
    corners = scenes["vertices"][k][scenes["corner_vertex"]]
    body.data.vertices.foreach_set("co", np.ascontiguousarray(corners).reshape(-1))
    body.data.update()
    world_from_camera = np.linalg.inv(scenes["camera_from_world"][k]) @ np.diag([1.0, -1.0, -1.0, 1.0])
    camera.matrix_world = Matrix(world_from_camera.tolist())
    camera.data.lens = float(scenes["focal"][k]) * SENSOR / int(scenes["size"])
    sun.rotation_euler = Vector(scenes["light"][k].tolist()).to_track_quat("Z", "Y").to_euler()


@contextmanager
def quiet():
    """Blender reports each file it saves on standard output, which is ours for the JSON."""
    sys.stdout.flush()
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenes", type=Path)
    parser.add_argument("--pictures", type=Path, help="keep the files here")
    parser.add_argument("--frames", type=int, default=10)
    parser.add_argument("--warm-up", type=int, default=2)
    parser.add_argument("--samples", type=int, default=16)
    parser.add_argument("--no-ground", action="store_true", help="body and sky alone: no shadow falls, far fewer paths")
    arguments = parser.parse_args()
    with np.load(arguments.scenes) as archive:
        scenes = dict(archive)
    wall, cpu = [], []
    with tempfile.TemporaryDirectory() as scratch, quiet():
        folder = arguments.pictures or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        bpy.ops.wm.read_factory_settings(use_empty=True)
        body = build_body(scenes)
        sun, camera = build_surroundings(not arguments.no_ground)
        set_up(int(scenes["size"]), arguments.samples, folder)
        for frame in range(arguments.warm_up + arguments.frames):
            k = frame % len(scenes["focal"])
            start = time.perf_counter(), time.process_time()
            pose(body, sun, camera, scenes, k)
            bpy.context.scene.frame_set(k)
            bpy.context.scene.render.filepath = str(folder / f"{k:06d}.jpg")
            bpy.ops.render.render(write_still=True)
            if frame >= arguments.warm_up:
                wall.append(1e3 * (time.perf_counter() - start[0]))
                cpu.append(1e3 * (time.process_time() - start[1]))
    version = f"Blender {bpy.app.version_string}, {arguments.samples} samples"
    print(json.dumps({"name": "cycles", "version": version, "wall_ms": wall, "cpu_ms": cpu, "stages_cpu_ms": {}}))


if __name__ == "__main__":
    main()
