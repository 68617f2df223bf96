"""The notebook: magics, completion, widget. The only room that imports IPython, ipywidgets and anywidget."""
